"""PASCAL's layout: a folder of images, one or more of labels, and lists of names."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import own_classes as folder_labels
from deeplab_dpc.conversion.labels import reading as labels
from deeplab_dpc.data.dataset_info import DatasetInfo

PALETTES = ("classes", "indices")


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where the files lie, and which to take.

    Attributes:
        images: Folder of the images.
        labels: Folders of the labels; the first that has an image's gives it.
        lists: Folder of the lists, each a split.
        image_format: The images' ending.
        splits: Lists to take; empty: every one.
        label_palette: See `folder_labels.pascal_reader`.
    """

    images: pathlib.Path
    labels: Sequence[pathlib.Path]
    lists: pathlib.Path
    image_format: str = "jpg"
    splits: Sequence[str] = ()
    label_palette: str | None = None


def source(
    info: DatasetInfo,
    folders: Folders,
    read_mat: labels.Reader,
    unions: Mapping[str, tuple[str, ...]],
) -> sources.Source:
    """What the folders of a task hold.

    Args:
        info: What is known of the data set.
        folders: Where and what.
        read_mat: Reads labels that are `.mat` files; PNGs are read by their palette.
        unions: See `sources.Source`.

    Raises:
        DatasetError: If there is no list, or one is wrong.
    """
    png = folder_labels.pascal_reader(info.num_classes, folders.label_palette)
    reader = labels.ByEnding(((".png", png), (".mat", read_mat)))
    found = layouts.lists(folders.lists, folders.splits, "--list_folder")
    items = {
        split: [
            sources.Item(
                item,
                folders.images / f"{item}.{folders.image_format}",
                layouts.first_label(folders.labels, item, (".png", ".mat")),
            )
            for item in items
        ]
        for split, items in found.items()
    }
    return sources.Source(
        info.name, info.class_names, info.colors, items, reader, unions=unions
    )
