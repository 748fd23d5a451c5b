"""Palettes: which colour of a label picture stands for which class."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplab_dpc import files
from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.data.colormaps import Color
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.formatting import clipped, count

NAMES = ("pascal", "cityscapes", "camvid")
_IGNORE = 255

_EXAMPLE = '{"128,64,128": "road", "70,130,180": 1, "0,0,0": null}'
# CamVid's 32 colours, class by class in the order of the 11; void is the rest.
_CAMVID = """
    808080
    800000 008040 40c000 400040 c00080
    c0c080 000040
    804080 8000c0 c00040
    0000c0 40c080 8080c0
    808000 c0c000
    c08080 808040 004040
    404080
    400080 4080c0 c080c0 c04080 804040
    404000 c08040 4000c0 408040
    0080c0 c000c0
"""


@dataclasses.dataclass(frozen=True)
class LabelPalette:
    """Colours and the ids that records keep for them; no colour may have two."""

    name: str  # What these colours are, for messages: "The classes' colours".
    entries: tuple[tuple[Color, int], ...]  # Id 255 is ignored.
    names: tuple[str, ...]  # What each entry's colour is called, for messages.

    def __post_init__(self):
        seen: dict[Color, tuple[int, str]] = {}
        for (color, i), name in zip(self.entries, self.names):
            before, other = seen.setdefault(color, (i, name))
            if before != i:
                raise DatasetError(
                    f"{self.name} cannot tell classes apart: {text(color)} is both "
                    f"{other!r} and {name!r}. Give each class a colour of its own."
                )

    @functools.cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct colours as numbers (see `encode`), in order, and their ids."""
        colors, ids = (np.array(column, np.uint8) for column in zip(*self.entries))
        codes, first = np.unique(encode(colors), return_index=True)
        return codes, ids[first]

    def find(self, colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ids of colours `[..., 3]` uint8, and which of them are known.

        Gives `[...]` uint8, of no meaning for an unknown colour, and `[...]` bool.
        """
        codes, (known, ids) = encode(colors), self.table
        place = np.searchsorted(known, codes).clip(max=len(known) - 1)
        return ids[place], known[place] == codes


def encode(colors: np.ndarray) -> np.ndarray:
    """Colours `[..., 3]` uint8 as one number each, uint32: 0xRRGGBB."""
    red, green, blue = (colors[..., i].astype(np.uint32) for i in range(3))
    return red << 16 | green << 8 | blue


def text(color: Sequence[int]) -> str:
    """A colour as people write it: (128, 64, 128)."""
    return f"({', '.join(str(int(c)) for c in color)})"


def is_byte(text: str) -> bool:
    """Whether this is a number in 0..255 as people write it."""
    return (
        len(text) < 4
        and text.isdecimal()
        and str(int(text)) == text
        and int(text) < 256
    )


def of_classes(
    class_names: Sequence[str],
    colors: Sequence[Color],
    ignore_colors: Sequence[Color] = (),
) -> LabelPalette:
    """The colours that a data set's classes have."""
    entries = [(color, i) for i, color in enumerate(colors)]
    entries += [(color, _IGNORE) for color in ignore_colors]
    names = (*class_names, *("ignored" for _ in ignore_colors))
    return LabelPalette("The classes' colours", tuple(entries), names)


def named(name: str, num_classes: int) -> LabelPalette:
    """A palette of `NAMES`, for a data set with this many classes.

    PASCAL's (224, 224, 192) is ignored, and so are Cityscapes' and CamVid's colours of
    what is none of the 19 or 11 classes. CamVid's 32 colours are merged into 11 classes
    as SegNet merges them. An error if there is none, or the classes do not fit.
    """
    makers = {"pascal": _pascal, "cityscapes": _cityscapes, "camvid": _camvid}
    if name not in makers:
        raise DatasetError(f"No palette {name!r}; there are {', '.join(NAMES)}.")
    palette = makers[name](num_classes)
    known = len({i for _, i in palette.entries} - {_IGNORE})
    if known != num_classes:
        raise DatasetError(
            f"The palette {name!r} has colours for {count(known, 'class')}, but the "
            f"data set has {num_classes}. Write a JSON file of your colours, such as "
            f"{_EXAMPLE}"
        )
    return palette


def load(path: pathlib.Path, class_names: Sequence[str]) -> LabelPalette:
    """Reads a palette from a JSON file: colours, and a class's name or id, or null."""
    found = read_table(path, class_names, _EXAMPLE)
    entries = []
    for key, target in found.items():
        parts = key.replace(" ", "").split(",")
        if len(parts) != 3 or not all(map(is_byte, parts)):
            raise DatasetError(
                f"{path}: {clipped(repr(key))} is no colour; a colour is three "
                f"numbers in 0..255: {_EXAMPLE}"
            )
        red, green, blue = map(int, parts)
        entries.append(((red, green, blue), target))
    names = tuple("ignored" if i == _IGNORE else class_names[i] for _, i in entries)
    return LabelPalette(f"{path}", tuple(entries), names)


def read_table(
    path: pathlib.Path, class_names: Sequence[str], example: str
) -> Mapping[str, int]:
    """A JSON object whose values are classes (names or ids) or null, as ids."""
    if not path.is_file():
        raise DatasetError(f"{path} is missing; write one such as {example}")
    try:
        found = files.parse_json(files.read_text(path))
        if not isinstance(found, dict) or not found:
            raise ValueError("it must be an object")
    except ValueError as e:
        raise DatasetError(f"{path} cannot be read ({e}). Write {example}") from e

    def target(value: Any) -> int:
        if value is None:
            return _IGNORE
        if isinstance(value, str) and value in class_names:
            return class_names.index(value)
        if type(value) is int and 0 <= value < len(class_names):
            return value
        raise DatasetError(
            f"{path}: {clipped(repr(value))} is no class. Classes are "
            f"{clipped(', '.join(class_names[:30]), 300)} (or their ids, "
            f"0..{len(class_names) - 1}); null is ignored."
        )

    return {key: target(value) for key, value in found.items()}


def _pascal(num_classes: int) -> LabelPalette:
    *_, ignored = colormaps.pascal_colors(256)
    colors = colormaps.pascal_colors(num_classes)
    known = dataset_info.known("pascal_voc_seg").class_names
    names = (*known, *map(str, range(len(known), num_classes)))[:num_classes]
    entries = (*zip(colors, range(num_classes)), (ignored, _IGNORE))
    return LabelPalette("PASCAL's palette", entries, (*names, "ignored"))


def _cityscapes(num_classes: int) -> LabelPalette:
    """By train id. Where an ignored kind has a class's colour, the class wins."""
    from cityscapesscripts.helpers import labels as cityscapes_labels

    used = [x for x in cityscapes_labels.labels if 0 <= x.trainId < _IGNORE]
    taken = {x.color for x in used}
    void = [x for x in cityscapes_labels.labels if x.color not in taken]
    entries = [(x.color, x.trainId) for x in used] + [(x.color, _IGNORE) for x in void]
    names = [x.name for x in used] + ["ignored" for _ in void]
    return LabelPalette("Cityscapes' palette", tuple(entries), tuple(names))


def _camvid(num_classes: int) -> LabelPalette:
    entries: list[tuple[Color, int]] = [((0, 0, 0), _IGNORE)]
    for i, line in enumerate(_CAMVID.strip().splitlines()):
        for color in line.split():
            red, green, blue = bytes.fromhex(color)
            entries.append(((red, green, blue), i))
    known = dataset_info.known("camvid").class_names
    names = ("ignored", *(known[i] for _, i in entries[1:]))
    return LabelPalette("CamVid's palette", tuple(entries), names)
