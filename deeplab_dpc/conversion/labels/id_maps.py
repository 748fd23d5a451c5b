"""Tables from the ids of label files to the ids of records."""

import pathlib
from collections.abc import Sequence

from deeplab_dpc.conversion.labels import palettes
from deeplab_dpc.conversion.labels.reading import MappedIds
from deeplab_dpc.data.dataset_info import DatasetError

NAMES = ("cityscapes", "from_one", "mask")
_EXAMPLE = '{"0": null, "7": "road", "8": 1}'


def cityscapes_label_ids() -> MappedIds:
    """Cityscapes' 34 label ids as the 19 train ids, by its own scripts' table."""
    from cityscapesscripts.helpers.labels import labels as kinds

    return MappedIds(
        tuple((x.id, x.trainId) for x in kinds if x.id >= 0),
        "Cityscapes' labelIds",
        "Give the files ..._labelIds.png as they were downloaded, or pass "
        "--label_type=labelTrainIds for ..._labelTrainIds.png.",
    )


def named(name: str, num_classes: int) -> MappedIds:
    """A table of `NAMES`, for a data set with this many classes, which must fit.

    `from_one` is for ids that begin at 1, 0 and 255 being ignored; `mask` for two
    classes drawn as 0 and 255 (or 0 and 1).
    """
    if name == "cityscapes" and num_classes == 19:
        return cityscapes_label_ids()
    if name == "from_one":
        table = [(0, 255), *((i + 1, i) for i in range(min(num_classes, 254)))]
        return MappedIds((*table, (255, 255)), "ids that begin at 1")
    if name == "mask" and num_classes == 2:
        return MappedIds(((0, 0), (1, 1), (255, 1)), "the values of a mask")
    if name in NAMES:
        needed = {"cityscapes": 19, "mask": 2}[name]
        raise DatasetError(
            f"The map {name!r} is for {needed} classes, but the data set has "
            f"{num_classes}. Write a JSON file of your ids, such as {_EXAMPLE}"
        )
    raise DatasetError(
        f"No map {name!r}; there are {', '.join(NAMES)}, or a JSON file such as "
        f"{_EXAMPLE}"
    )


def load(path: pathlib.Path, class_names: Sequence[str]) -> MappedIds:
    """Reads a table from a JSON file: ids, and a class's name or id, or null."""
    found = palettes.read_table(path, class_names, _EXAMPLE)
    for key in found:
        if not key.isdecimal() or int(key) > 255:
            raise DatasetError(f"{path}: {key!r} is no id; ids are 0..255: {_EXAMPLE}")
    table = tuple((int(key), target) for key, target in found.items())
    return MappedIds(table, f"the ids of {path}", "Add them to that file.")
