"""PASCAL's layout: a folder of images, one or more of labels, and lists of names."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import mat, own_classes, reading
from deeplab_dpc.conversion.sources import Item, Source

PALETTES = ("classes", "indices")


@dataclasses.dataclass(frozen=True)
class Layout:
    """A known data set in PASCAL's layout, and the usual names of its folders."""

    name: str
    labels: str
    lists: str
    read_mat: reading.Reader  # For labels in `.mat` files; PNGs go by their palette.
    unions: Mapping[str, tuple[str, ...]]


VOC = Layout(
    "pascal_voc_seg",
    "SegmentationClass",
    "ImageSets/Segmentation",
    mat.SbdLabels(21),
    {"trainval": ("train", "val"), "train_aug": ("train",)},
)
PERSON_PART = Layout(
    "pascal_person_part",
    "pascal_person_part_gt",
    "pascal_person_part_trainval_list",
    mat.PersonParts(),
    {"trainval": ("train", "val")},
)


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where the files lie, and which to take."""

    images: pathlib.Path
    labels: Sequence[pathlib.Path]  # The first that has an image's label gives it.
    lists: pathlib.Path  # Each one is a split.
    image_format: str = "jpg"
    splits: Sequence[str] = ()  # Lists to take; empty: every one.
    label_palette: str | None = None  # See `own_classes.pascal_reader`.


def source(layout: Layout, folders: Folders) -> Source:
    """What the folders of a layout hold; an error without lists, or for a wrong one."""
    known = sources.known(layout.name, {}, layout.read_mat, layout.unions)
    png = own_classes.pascal_reader(len(known.class_names), folders.label_palette)
    splits = {
        split: [
            Item(
                name,
                folders.images / f"{name}.{folders.image_format}",
                layouts.first_label(folders.labels, name, (".png", ".mat")),
            )
            for name in names
        ]
        for split, names in layouts.lists(
            folders.lists, folders.splits, "--list_folder"
        ).items()
    }
    reader = reading.ByEnding(((".png", png), (".mat", layout.read_mat)))
    return dataclasses.replace(known, splits=splits, read_label=reader)
