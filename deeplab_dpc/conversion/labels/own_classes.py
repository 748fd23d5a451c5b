"""One's own classes and labels: `classes.json`, and the reader that the labels need."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from deeplab_dpc.conversion.labels import colors as color_labels
from deeplab_dpc.conversion.labels import files as label_files
from deeplab_dpc.conversion.labels import id_maps, palette_checks, palettes
from deeplab_dpc.conversion.labels import reading as labels
from deeplab_dpc.data import known_datasets
from deeplab_dpc.data.dataset_info import DatasetError

_EXAMPLE = (
    '{"classes": ["road", {"name": "sky", "color": [70, 130, 180]}], '
    '"ignore_label": 255, "ignore_colors": [[0, 0, 0]]}'
)
_PROBED = 20  # Label files that are looked into before the conversion.


@dataclasses.dataclass(frozen=True)
class Classes:
    """What a `classes.json` says.

    Attributes:
        names: One a class.
        colors: One a class, PASCAL's where the file gives none.
        given_colors: Those that the file gives; None for the others.
        ignore_label: The id of ignored pixels in the labels.
        says_ignore_label: Whether the file names it.
        ignore_colors: Colours of ignored pixels, in labels that are pictures.
    """

    names: tuple[str, ...]
    colors: tuple[palettes.Color, ...]
    given_colors: palette_checks.ClassColors
    ignore_label: int
    says_ignore_label: bool
    ignore_colors: tuple[palettes.Color, ...]


def read_classes(path: pathlib.Path) -> Classes:
    """Reads a `classes.json`.

    Raises:
        DatasetError: If the file is missing, or is not of the expected form.
    """
    if not path.is_file():
        raise DatasetError(
            f"--classes_json={path} is missing; write one such as {_EXAMPLE}"
        )
    try:
        facts = json.loads(path.read_text())
        given = [c if isinstance(c, dict) else {"name": c} for c in facts["classes"]]
        ignore_label = facts.get("ignore_label", labels.IGNORE)
        ignore_colors = tuple(tuple(c) for c in facts.get("ignore_colors", []))
        colors = tuple(tuple(c["color"]) if "color" in c else None for c in given)
        _check_keys(facts, given)
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise DatasetError(
            f"--classes_json={path} cannot be read ({type(e).__name__}: {e}). It looks "
            f"like {_EXAMPLE}"
        ) from e
    _check_ignore_label(path, ignore_label, len(given))
    for color in (*colors, *ignore_colors):
        _check_color(path, color)
    defaults = known_datasets.pascal_colors(max(len(given), 1))
    return Classes(
        tuple(c["name"] for c in given),
        tuple(c or d for c, d in zip(colors, defaults)),
        colors,
        ignore_label,
        "ignore_label" in facts,
        ignore_colors,
    )


def choose_reader(
    classes: Classes, label_palette: str | None, label_map: str | None
) -> labels.Reader:
    """The reader that the flags of `build_folder_data.py` ask for.

    Args:
        classes: The classes.
        label_palette: None; "classes", "indices", "grey", one of `palettes.NAMES`; or a
            JSON file.
        label_map: None; one of `id_maps.NAMES`; or a JSON file.

    Raises:
        DatasetError: If they contradict each other, or are none of these.
    """
    count = len(classes.names)
    if label_map and label_palette not in (None, "indices"):
        raise DatasetError(
            f"--label_map={label_map} is for labels of ids, --label_palette="
            f"{label_palette} for colours: give one of them."
        )
    if label_map:
        if label_map.endswith(".json"):
            return id_maps.load(pathlib.Path(label_map), classes.names)
        return id_maps.named(label_map, count)
    if label_palette is None:
        return labels.Ids(count, classes.ignore_label, classes.given_colors)
    if label_palette == "indices":
        return labels.Ids(count, classes.ignore_label)
    if label_palette == "grey":
        return color_labels.GreyIds(count, classes.ignore_label)
    return color_labels.Colors(_palette(classes, label_palette))


def pascal_reader(num_classes: int, label_palette: str | None) -> labels.Reader:
    """The reader of PASCAL's label PNGs: None, "indices" or "classes", as above."""
    colors = known_datasets.pascal_colors(num_classes)
    if label_palette == "classes":
        return color_labels.Colors(palettes.named("pascal", num_classes))
    if label_palette == "indices":
        return labels.Ids(num_classes)
    return labels.Ids(num_classes, colors=colors)


def check_all(paths: Sequence[pathlib.Path], reader: labels.Reader, classes: Classes):
    """Fails for mistakes that no file shows alone.

    These are palettes that differ between files whose indices should be ids, and masks
    of 0 and 255 for two classes, where every 255 would be ignored.

    Raises:
        LabelError: With what was found, and how to go on.
    """
    if not isinstance(reader, labels.Ids):
        return
    if reader.colors:
        palette_checks.check_same(paths)
    if len(classes.names) == 2 and not classes.says_ignore_label:
        _check_masks(paths)


def _check_masks(paths: Sequence[pathlib.Path]) -> None:
    values: set[int] = set()
    for path in paths[:: max(1, len(paths) // _PROBED)]:
        try:
            file = label_files.read(path)
        except (labels.LabelError, OSError):
            return  # The conversion reports it.
        if not file.holds_ids:
            return
        values |= set(file.pixels.ravel().tolist())
    if values == {0, 255}:
        raise labels.LabelError(
            f"The labels (such as {paths[0]}) are masks of 0 and 255: 255 is the "
            "ignore label, so the second class would never occur. Pass "
            "--label_map=mask to make 255 the second class, or write "
            '"ignore_label": 255 into --classes_json if those pixels are to be ignored.'
        )


def _palette(classes: Classes, name: str) -> palettes.Palette:
    if name.endswith(".json"):
        return palettes.load(pathlib.Path(name), classes.names)
    if name != "classes":
        return palettes.named(name, len(classes.names))
    missing = [n for n, c in zip(classes.names, classes.given_colors) if c is None]
    if missing:
        raise DatasetError(
            "--label_palette=classes needs every class's colour in --classes_json; "
            f"{', '.join(missing[:10])} {'have' if missing[1:] else 'has'} none: "
            f"{_EXAMPLE}"
        )
    return palettes.of_classes(classes.names, classes.colors, classes.ignore_colors)


def _check_keys(facts: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> None:
    unknown = set(facts) - {"classes", "ignore_label", "ignore_colors"}
    unknown |= {key for c in given for key in c} - {"name", "color"}
    if unknown or not all(isinstance(c["name"], str) for c in given):
        raise ValueError(f"unknown or of the wrong type: {sorted(unknown)}")


def _check_color(path: pathlib.Path, color: tuple[Any, ...] | None) -> None:
    if color is None:
        return
    if len(color) != 3 or not all(type(c) is int and 0 <= c <= 255 for c in color):
        raise DatasetError(
            f"{path}: {list(color)} is no colour; a colour is three whole numbers in "
            "0..255, such as [128, 64, 128]."
        )


def _check_ignore_label(path: pathlib.Path, ignore_label: Any, classes: int) -> None:
    if type(ignore_label) is not int or not 0 <= ignore_label <= 255:
        raise DatasetError(
            f"{path}: ignore_label is {ignore_label!r}; it must be a whole number in "
            "0..255."
        )
    if ignore_label < classes:
        raise DatasetError(
            f"{path}: ignore_label {ignore_label} is also the id of a class (0.."
            f"{classes - 1}). Pixels are ignored or of a class, not both: ids of "
            "classes begin at 0, and the ignore label is above them. (If 0 means 'not "
            "labelled' in the files and classes begin at 1, leave ignore_label out and "
            "pass --label_map=from_one.)"
        )
