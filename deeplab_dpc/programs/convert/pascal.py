"""PASCAL's layout: a folder of images, one or more of labels, and lists of names."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from absl import flags

from deeplab_dpc.conversion import layouts, leftovers, sources
from deeplab_dpc.conversion.folders import Files
from deeplab_dpc.conversion.labels import mat, own_classes, reading
from deeplab_dpc.conversion.sources import Item, Source
from deeplab_dpc.data import dataset_info
from deeplab_dpc.data.images import JPEG_ENDINGS
from deeplab_dpc.programs.convert import common


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
    num_classes = dataset_info.known(layout.name).num_classes
    png = own_classes.pascal_reader(num_classes, folders.label_palette)
    endings = (".png",) if folders.image_format == "png" else JPEG_ENDINGS
    images = Files(folders.images, endings)
    labels = [Files(folder, (".png", ".mat")) for folder in folders.labels]
    names, strays = layouts.lists(
        folders.lists, images, "--list_folder", folders.splits
    )
    splits = {
        split: [
            Item(name, images.path(name), layouts.first_label(labels, name))
            for name in listed
        ]
        for split, listed in names.items()
    }
    reader = reading.ByEnding(((".png", png), (".mat", layout.read_mat)))
    roots = {folders.images: leftovers.UNLISTED}
    more = {"unions": layout.unions, "stray_lists": strays}
    return sources.known(layout.name, splits, reader, roots, **more)


def program(
    help: str | None, layout: Layout, root: tuple[str, str, str]
) -> common.Program:
    """The program for a layout.

    `root` is name, default and help of the flag of the folder in which the others lie.
    """
    where = f"below --{root[0]} or anywhere"
    own_flags = (
        common.flag(*root),
        common.flag("image_folder", "JPEGImages", f"Folder of the images, {where}."),
        common.flag(
            "semantic_segmentation_folder",
            [layout.labels],
            f"Folder of the labels (.png or .mat), {where}. Of several, separated by "
            "commas, the first that has an image's label gives it.",
        ),
        common.flag("list_folder", layout.lists, f"Folder of the lists, {where}."),
        common.flag("splits", [], "Lists to convert; by default every one."),
        common.flag(
            "image_format", "jpg", "The images' ending.", ["jpg", "jpeg", "png"]
        ),
        common.flag(
            "label_palette",
            None,
            "For palette PNGs in another order than PASCAL's: what tells the class, "
            "the colours or the indices.",
            ["classes", "indices"],
        ),
    )

    def make_source(values: flags.FlagValues) -> sources.Source:
        below = pathlib.Path(values[root[0]].value)
        folders = Folders(
            layouts.below(below, values.image_folder),
            [layouts.below(below, n) for n in values.semantic_segmentation_folder],
            layouts.below(below, values.list_folder),
            values.image_format,
            values.splits,
            values.label_palette,
        )
        return source(layout, folders)

    return common.Program(help, own_flags, make_source)
