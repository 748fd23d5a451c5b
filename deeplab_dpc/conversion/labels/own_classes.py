"""One's own classes and labels: `classes.json`, and the reader that the labels need."""

import csv
import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplab_dpc import files
from deeplab_dpc.conversion.labels import files as label_files
from deeplab_dpc.conversion.labels import palette_checks, palettes, reading
from deeplab_dpc.conversion.labels.colors import Colors, GreyIds
from deeplab_dpc.conversion.labels.files import LabelError
from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.formatting import clipped, some

_EXAMPLE = (
    '{"classes": ["road", {"name": "sky", "color": [70, 130, 180]}], '
    '"ignore_label": 255, "ignore_colors": [[0, 0, 0]]}'
)
CVAT, ROBOFLOW = "labelmap.txt", "_classes.csv"
"""What these programs write beside their masks: colours of classes, or ids."""
_PROBED = 20  # Label files that are looked into before the conversion.


@dataclasses.dataclass(frozen=True)
class Classes:
    """What a `classes.json` says."""

    names: tuple[str, ...]
    # `colormaps.distinct` where the file gives none.
    colors: tuple[palettes.Color, ...]
    given_colors: palette_checks.ClassColors  # None for a class without one.
    ignore_label: int  # The id of ignored pixels in the labels.
    says_ignore_label: bool  # Whether the file names it.
    ignore_colors: tuple[palettes.Color, ...]  # Ignored, in labels that are pictures.


def find(folders: Sequence[pathlib.Path]) -> pathlib.Path:
    """The file of classes that CVAT or Roboflow wrote into one of these folders."""
    names = CVAT, ROBOFLOW
    found = [folder / name for folder in folders for name in names]
    there = next((path for path in found if path.is_file()), None)
    if there is None:
        raise DatasetError(
            f"--classes_json is not given, and neither CVAT's {CVAT} nor Roboflow's "
            f"{ROBOFLOW} lies in {some([*map(str, folders)], 9)}. Write a file of the "
            f"classes, such as {_EXAMPLE}"
        )
    return there


def read_classes(path: pathlib.Path) -> Classes:
    """Reads a `classes.json`, or what CVAT or Roboflow write instead; an error if it is
    missing, or not of the right form.
    """
    if not path.is_file():
        raise DatasetError(
            f"--classes_json={path} is missing; write one such as {_EXAMPLE}"
        )
    try:
        facts = _facts(path)
        given, ignore_colors = _parts(facts)
    except (ValueError, IndexError, csv.Error) as e:
        raise DatasetError(
            f"--classes_json={path} cannot be read ({e}). It looks like {_EXAMPLE}"
        ) from e
    names, colors = [c["name"] for c in given], [c.get("color") for c in given]
    dataset_info.check_names(f"--classes_json={path}", names)
    for color in (*ignore_colors, *(c["color"] for c in given if "color" in c)):
        dataset_info.check_color(f"{path}", color)
    ignore_label = facts.get("ignore_label", reading.IGNORE)
    _check_ignore_label(path, ignore_label, len(given))
    given_colors = tuple(tuple(c) if c else None for c in colors)
    return Classes(
        tuple(names),
        colormaps.distinct(given_colors),
        given_colors,
        ignore_label,
        "ignore_label" in facts,
        tuple(map(tuple, ignore_colors)),
    )


def _facts(path: pathlib.Path) -> Any:
    """What the file says, in the form of a `classes.json`."""
    if path.name == CVAT:  # label:color_rgb:parts:actions
        rows = [line.split(":") for line in files.read_lines(path)]
        rows = [row for row in rows if row[0] and not row[0].startswith("#")]
        pairs = [(name, rest[0] if rest else "") for name, *rest in rows]
        return {
            "classes": [
                {"name": name} | ({"color": [*map(int, c.split(","))]} if c else {})
                for name, c in pairs
            ]
        }
    if path.name == ROBOFLOW:  # Pixel Value, Class
        _, *rows = csv.reader(files.read_lines(path))
        found = sorted((int(row[0]), row[1].strip()) for row in rows if row)
        ids = [value for value, _ in found]
        if ids != list(range(len(ids))):
            said = clipped(str(ids), 200)
            raise ValueError(f"its pixel values are {said}, not 0, 1, 2, ... once each")
        return {"classes": [name for _, name in found]}
    return files.parse_json(files.read_text(path))


def _parts(facts: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The classes as objects, and the ignored colours; `ValueError` for other JSON."""
    if not isinstance(facts, dict) or not isinstance(facts.get("classes"), list):
        raise ValueError("it must be an object with a list of classes")
    given = [c if isinstance(c, dict) else {"name": c} for c in facts["classes"]]
    unknown = set(facts) - {"classes", "ignore_label", "ignore_colors"}
    unknown |= {key for c in given for key in c} - {"name", "color"}
    if unknown:
        raise ValueError(f"unknown: {clipped(str(sorted(unknown)), 200)}")
    ignore_colors = facts.get("ignore_colors", [])
    if not isinstance(ignore_colors, list):
        raise ValueError("ignore_colors must be a list of colours")
    if odd := [c.get("name") for c in given if not isinstance(c.get("name"), str)]:
        raise ValueError(f"a class's name is text, not {clipped(repr(odd[0]))}")
    return given, ignore_colors


def choose_reader(
    classes: Classes, label_palette: str | None, label_map: str | None
) -> reading.Reader:
    """The reader that the flags of `build_folder_data.py` ask for.

    `label_palette` is None, "classes", "indices", "grey", one of `palettes.NAMES` or a
    JSON file; `label_map` is None, one of `reading.MAPS` or a JSON file. An error if
    they contradict each other, or are none of these.
    """
    count = len(classes.names)
    if label_map and label_palette not in (None, "indices"):
        raise DatasetError(
            f"--label_map={label_map} is for labels of ids, --label_palette="
            f"{label_palette} for colours: give one of them."
        )
    if label_map:
        if label_map.endswith(".json"):
            return reading.load_map(pathlib.Path(label_map), classes.names)
        return reading.named_map(label_map, count)
    if label_palette is None:
        return reading.Ids(count, classes.ignore_label, classes.given_colors)
    if label_palette == "indices":
        return reading.Ids(count, classes.ignore_label)
    if label_palette == "grey":
        return GreyIds(count, classes.ignore_label)
    if label_palette.endswith(".json"):
        return Colors(palettes.load(pathlib.Path(label_palette), classes.names))
    if label_palette != "classes":
        return Colors(palettes.named(label_palette, count))
    missing = [n for n, c in zip(classes.names, classes.given_colors) if c is None]
    if missing:
        raise DatasetError(
            "--label_palette=classes needs every class's colour in --classes_json; "
            f"{', '.join(missing[:10])} {'have' if missing[1:] else 'has'} none: "
            f"{_EXAMPLE}"
        )
    return Colors(
        palettes.of_classes(classes.names, classes.colors, classes.ignore_colors)
    )


def pascal_reader(num_classes: int, label_palette: str | None) -> reading.Reader:
    """The reader of PASCAL's label PNGs: None, "indices" or "classes", as above."""
    if label_palette == "classes":
        return Colors(palettes.named("pascal", num_classes))
    if label_palette == "indices":
        return reading.Ids(num_classes)
    return reading.Ids(num_classes, colors=colormaps.pascal_colors(num_classes))


def check_all(paths: Sequence[pathlib.Path], reader: reading.Reader, classes: Classes):
    """Fails for mistakes that no file shows alone.

    These are palettes that differ between files whose indices should be ids, and masks
    of 0 and 255 for two classes, where every 255 would be ignored.
    """
    if not isinstance(reader, reading.Ids):
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
        except (LabelError, OSError):
            return  # The conversion reports it.
        if not file.holds_ids:
            return
        values |= set(np.unique(file.pixels).tolist())
    if values == {0, 255}:
        raise LabelError(
            f"The labels (such as {paths[0]}) are masks of 0 and 255: 255 is the "
            "ignore label, so the second class would never occur. Pass "
            "--label_map=mask to make 255 the second class, or write "
            '"ignore_label": 255 into --classes_json if those pixels are to be ignored.'
        )


def _check_ignore_label(path: pathlib.Path, ignore_label: Any, classes: int) -> None:
    if type(ignore_label) is not int or not 0 <= ignore_label <= 255:
        raise DatasetError(
            f"{path}: ignore_label is {clipped(repr(ignore_label))}; it must be a "
            "whole number in 0..255."
        )
    if ignore_label < classes:
        raise DatasetError(
            f"{path}: ignore_label {ignore_label} is also the id of a class (0.."
            f"{classes - 1}). Pixels are ignored or of a class, not both: ids of "
            "classes begin at 0, and the ignore label is above them. (If 0 means 'not "
            "labelled' in the files and classes begin at 1, leave ignore_label out and "
            "pass --label_map=from_one.)"
        )
