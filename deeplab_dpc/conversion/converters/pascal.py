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
    """A data set in PASCAL's layout.

    Attributes:
        name: A known data set's.
        labels: Usual name of the folder of labels.
        lists: Usual name of the folder of lists.
        read_mat: Reads labels that are `.mat` files; PNGs are read by their palette.
        unions: See `Source`.
    """

    name: str
    labels: str
    lists: str
    read_mat: reading.Reader
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
    """Where the files lie, and which to take.

    Attributes:
        images: Folder of the images.
        labels: Folders of the labels; the first that has an image's gives it.
        lists: Folder of the lists, each a split.
        image_format: The images' ending.
        splits: Lists to take; empty: every one.
        label_palette: See `own_classes.pascal_reader`.
    """

    images: pathlib.Path
    labels: Sequence[pathlib.Path]
    lists: pathlib.Path
    image_format: str = "jpg"
    splits: Sequence[str] = ()
    label_palette: str | None = None


def source(layout: Layout, folders: Folders) -> Source:
    """What the folders of a layout hold; `DatasetError` if a list is missing or
    wrong.
    """
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
