r"""Converts your own images and labels to TFRecords.

python datasets/build_folder_data.py --image_dir=my/images --label_dir=my/labels \
    --classes_json=my/classes.json --output_dir=records/my

Images are JPEG or PNG, labels PNGs of the same names with a class id a pixel, or with a
colour for each class (--label_palette). The splits are the lists in --list_dir
(`train.txt`, `val.txt`: names, one a line, without ending), or the folders `train`,
`val`, ... in --image_dir, or a seeded choice of --val_share. See g3doc/own_data.md.
"""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Collection, Mapping, Sequence

from absl import flags

from deeplab_dpc.conversion import (
    annotations,
    label_folder,
    layouts,
    leftovers,
    sources,
)
from deeplab_dpc.conversion import folders as names
from deeplab_dpc.conversion.folders import Files
from deeplab_dpc.conversion.labels import own_classes, palettes, reading
from deeplab_dpc.conversion.sources import Item
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.images import ENDINGS
from deeplab_dpc.programs.convert import common

Splits = Mapping[str, Sequence[Item]]


@dataclasses.dataclass(frozen=True)
class OwnFolders:
    """Where the files lie, and how they are split."""

    images: pathlib.Path
    labels: pathlib.Path
    lists: pathlib.Path | None = None  # Each list is a split; without it see `splits`.
    unlabelled: Sequence[str] = ()  # Splits without labels.
    label_suffix: str = ""  # What label names have more than images'.
    val_share: float = 0.1  # Of val where neither lists nor folders say, in 0..0.9.
    split_seed: int = 0
    annotations: pathlib.Path | None = None  # Shapes, to be painted into `labels`.


def source(
    name: str,
    folders: OwnFolders,
    classes_json: pathlib.Path,
    label_palette: str | None = None,
    label_map: str | None = None,
) -> sources.Source:
    """What the folders hold; `own_classes.choose_reader` says what the last two mean.

    An error if the flags are wrong, or the labels cannot be of one kind.
    """
    classes = own_classes.read_classes(classes_json)
    drawn: Sequence[pathlib.Path] = ()
    if folders.annotations:
        where = folders.annotations, folders.images, folders.labels
        drawn = annotations.paint_all(*where, classes, folders.label_suffix)
    else:
        label_folder.check_finished(folders.labels)
        if classes_json.name == own_classes.CVAT:
            label_palette = label_palette or "classes"
    found, strays = splits(folders)
    reader = own_classes.choose_reader(classes, label_palette, label_map)
    paths = {i.label: None for items in found.values() for i in items if i.label}
    own_classes.check_all(list(paths), reader, classes)
    reason = leftovers.UNLISTED if folders.lists else "in no split"
    roots = dict.fromkeys((folders.images, folders.labels), reason)
    lists = folders.lists.glob("[!.]*") if folders.lists else ()
    read = [p for p in lists if p.suffix.lower() == ".txt" and p not in strays]
    read += drawn
    read += [pathlib.Path(p) for p in (classes_json, label_palette, label_map) if p]
    return sources.Source(
        name,
        classes.names,
        classes.colors,
        found,
        reader,
        roots=roots,
        stray_lists=strays,
        read=read,
    )


def splits(folders: OwnFolders) -> tuple[Splits, Sequence[pathlib.Path]]:
    """The splits, and lists of something else; says on stderr which way it went.

    By lists, if there is a folder of them; else by the folders `train`, `val`, ... in
    the images' folder; else a seeded choice is val. An error for a wrong list, or
    folders of which no image has a label.
    """
    if folders.lists:
        return _by_lists(folders, folders.lists)
    there = _split_folders(folders.images)
    if there and {"train", "trainval"}.isdisjoint(there):
        raise DatasetError(
            f"{folders.images} has {', '.join(p.name for p in there.values())}, but no "
            "folder train. Call the folder of the images to train on so, or give lists."
        )
    names.check_near_splits(() if there else folders.images.glob("*/"))
    if there:
        print(f"Splits by the folders in {folders.images}.", file=sys.stderr)
        return _by_folders(folders, there), ()
    print(
        f"No lists: --val_share={folders.val_share:g} of the images are val, chosen by "
        f"--split_seed={folders.split_seed}. Frames of one video should be split by "
        "lists instead.",
        file=sys.stderr,
    )
    items = layouts.tree(*_files(folders, folders.images, folders.labels))
    return layouts.seeded_split(items, folders.val_share, folders.split_seed), ()


def _split_folders(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The folders in one that are called as splits are, by the split."""
    found: dict[str, pathlib.Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        split = names.SPLITS.get(path.name.lower())
        if split and path.is_dir():
            if split in found:
                raise DatasetError(
                    f"{found[split]} and {path} are both split {split!r}; put their "
                    "files into one of them."
                )
            found[split] = path
    return {s: found[s] for s in dict.fromkeys(names.SPLITS.values()) if s in found}


def _by_lists(
    folders: OwnFolders, lists: pathlib.Path
) -> tuple[Splits, Sequence[pathlib.Path]]:
    images, labels = _files(folders, folders.images, folders.labels)
    found, strays = layouts.lists(lists, images, "--list_dir")
    unlabelled = _unlabelled(folders, "lists", found)
    return {
        split: [
            Item(n, images.path(n), None if split in unlabelled else labels.path(n))
            for n in listed
        ]
        for split, listed in found.items()
    }, strays


def _by_folders(folders: OwnFolders, found: Mapping[str, pathlib.Path]) -> Splits:
    unlabelled = _unlabelled(folders, "folders", found)
    label_folders = _split_folders(folders.labels)
    splits = {}
    for split, images in found.items():
        if split not in unlabelled and split not in label_folders:
            raise DatasetError(
                f"There are images in {images}, but there is no folder "
                f"{folders.labels / images.name}. Pass --unlabelled_splits="
                f"{images.name} if they have no labels."
            )
        files, labels = _files(folders, images, label_folders.get(split, images))
        items = layouts.tree(files, None if split in unlabelled else labels)
        splits[split] = [
            Item(f"{images.name}/{i.name}", i.image, i.label) for i in items
        ]
    return splits


def _files(
    folders: OwnFolders, images: pathlib.Path, labels: pathlib.Path
) -> tuple[Files, Files]:
    """The images and labels of two folders, of which one may lie in the other; where
    all lie in one, PNGs with the labels' suffix are no images.
    """
    ending = f"{folders.label_suffix}.png"
    is_one = os.path.realpath(folders.labels) == os.path.realpath(folders.images)
    return (
        Files(images, ENDINGS, ending if is_one else None, (folders.labels,)),
        Files(labels, (ending,), without=(folders.images,)),
    )


def _unlabelled(folders: OwnFolders, what: str, found: Collection[str]) -> set[str]:
    """The splits without labels, of which each must be there."""
    unlabelled = {names.split_of(name) for name in folders.unlabelled}
    if unlabelled - set(found):
        raise DatasetError(
            f"--unlabelled_splits names {sorted(unlabelled - set(found))}, but the "
            f"{what} are {sorted(found)}."
        )
    return unlabelled


_REQUIRED = {
    "image_dir": "Images' folder.",
    "label_dir": "Labels' folder.",
}
_OPTIONAL = {
    "classes_json": 'The classes: {"classes": ["road", {"name": "sky", "color": '
    '[70, 130, 180]}], "ignore_label": 255}, in the order of the ids. Not needed '
    "beside CVAT's labelmap.txt or Roboflow's _classes.csv.",
    "annotations": "labelme's JSON files (their folder), COCO's JSON or CVAT's XML; "
    "labels are painted into --label_dir, a new folder.",
    "list_dir": "Folder of the lists, <split>.txt; without it see --val_share.",
    "name": "The data set's name; by default the output folder's.",
    "label_palette": "For labels that are colour pictures: classes (the colours in "
    f"--classes_json), {', '.join(palettes.NAMES)}, or a JSON file of colours. grey: "
    "ids in three equal channels. indices: a palette PNG's numbers are the ids, "
    "whatever its colours.",
    "label_map": "For ids that are not the classes': "
    f"{', '.join(reading.MAPS)}, or a JSON file.",
}
_FLAGS = (
    *(common.flag(name, None, text, required=True) for name, text in _REQUIRED.items()),
    *(common.flag(name, None, text) for name, text in _OPTIONAL.items()),
    common.flag("unlabelled_splits", [], "Splits without labels, such as a test set."),
    common.flag(
        "label_suffix", "", "What label names have more than images', such as _mask."
    ),
    common.flag(
        "val_share",
        0.1,
        "Share of the images that become val, where neither lists nor folders say.",
        lower_bound=0.0,
        upper_bound=0.9,
    ),
    common.flag("split_seed", 0, "Another seed chooses another val."),
)


def _source(values: flags.FlagValues) -> sources.Source:
    own = OwnFolders(
        pathlib.Path(values.image_dir),
        pathlib.Path(values.label_dir),
        pathlib.Path(values.list_dir) if values.list_dir else None,
        values.unlabelled_splits,
        values.label_suffix,
        values.val_share,
        values.split_seed,
        pathlib.Path(values.annotations) if values.annotations else None,
    )
    name = values["name"].value or pathlib.Path(values.output_dir).resolve().name
    if values.classes_json:
        classes = pathlib.Path(values.classes_json)
    else:
        near = (own.labels, own.labels.parent, own.images, *own.labels.glob("[!.]*/"))
        classes = own_classes.find(near)
    return source(name, own, classes, values.label_palette, values.label_map)


PROGRAM = common.Program(__doc__, _FLAGS, _source, output_dir=None)
