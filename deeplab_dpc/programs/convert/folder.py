r"""Converts your own images and labels to TFRecords.

python datasets/build_folder_data.py --image_dir=my/images --label_dir=my/labels \
    --classes_json=my/classes.json --output_dir=records/my

Images are JPEG or PNG, labels PNGs of the same names with a class id a pixel, or with a
colour for each class (--label_palette). The splits are the lists in --list_dir
(`train.txt`, `val.txt`: names, one a line, without ending), or the folders `train`,
`val`, ... in --image_dir, or a seeded choice of --val_share. See g3doc/own_data.md.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Collection, Mapping, Sequence

from absl import flags

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import own_classes, palettes, reading
from deeplab_dpc.conversion.sources import Item
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.programs.convert import common

_SPLIT_NAMES = ("train", "val", "test", "trainval", "training", "validation")

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
    found = splits(folders)
    reader = own_classes.choose_reader(classes, label_palette, label_map)
    paths = {i.label: None for items in found.values() for i in items if i.label}
    own_classes.check_all(list(paths), reader, classes)
    return sources.Source(name, classes.names, classes.colors, found, reader)


def splits(folders: OwnFolders) -> Splits:
    """The splits; says on stderr which way it went.

    By lists, if there is a folder of them; else by the folders `train`, `val`, ... in
    the images' folder; else a seeded choice is val. An error for a wrong list, or
    folders of which no image has a label.
    """
    if folders.lists:
        return _by_lists(folders, folders.lists)
    there = [name for name in _SPLIT_NAMES if (folders.images / name).is_dir()]
    if "train" in there or "training" in there:
        print(f"Splits by the folders in {folders.images}.", file=sys.stderr)
        return _by_folders(folders, there)
    print(
        f"No lists: --val_share={folders.val_share:g} of the images are val, chosen by "
        f"--split_seed={folders.split_seed}. Frames of one video should be split by "
        "lists instead.",
        file=sys.stderr,
    )
    endings, ending = _image_endings(folders), f"{folders.label_suffix}.png"
    items = layouts.tree(folders.images, endings, folders.labels, ending)
    return layouts.seeded_split(items, folders.val_share, folders.split_seed)


def _by_lists(folders: OwnFolders, lists: pathlib.Path) -> Splits:
    found = {path.stem: path for path in sorted(lists.glob("*.txt"))}
    if not found:
        raise DatasetError(
            f"There are no lists (<split>.txt) in --list_dir={lists}: write train.txt "
            "and val.txt with the names of the images, one a line, without ending. Or "
            "leave --list_dir out, and the images are split by --val_share."
        )
    _check_unlabelled(folders, "lists", found)
    endings = _image_endings(folders)

    def item(split: str, name: str) -> Item:
        label = folders.labels / f"{name}{folders.label_suffix}.png"
        image = sources.find_image(folders.images, name, endings)
        return Item(name, image, None if split in folders.unlabelled else label)

    return {
        split: [item(split, name) for name in sources.read_list(path)]
        for split, path in found.items()
    }


def _by_folders(folders: OwnFolders, found: Sequence[str]) -> Splits:
    _check_unlabelled(folders, "folders", found)
    splits = {}
    for name in found:
        images, labels = folders.images / name, folders.labels / name
        if name not in folders.unlabelled and not labels.is_dir():
            raise DatasetError(
                f"There are images in {images}, but there is no folder {labels}. Pass "
                f"--unlabelled_splits={name} if they have no labels."
            )
        items = layouts.tree(
            images,
            _image_endings(folders),
            None if name in folders.unlabelled else labels,
            f"{folders.label_suffix}.png",
        )
        split = {"training": "train", "validation": "val"}.get(name, name)
        splits[split] = [Item(f"{name}/{i.name}", i.image, i.label) for i in items]
    return splits


def _image_endings(folders: OwnFolders) -> tuple[str, ...]:
    """Endings of images; where labels lie beside them, PNGs are labels."""
    if folders.labels.resolve() != folders.images.resolve():
        return sources.IMAGE_ENDINGS
    return tuple(e for e in sources.IMAGE_ENDINGS if e.lower() != ".png")


def _check_unlabelled(folders: OwnFolders, what: str, found: Collection[str]) -> None:
    unknown = set(folders.unlabelled) - set(found)
    if unknown:
        raise DatasetError(
            f"--unlabelled_splits names {sorted(unknown)}, but the {what} are "
            f"{sorted(found)}."
        )


_REQUIRED = {
    "image_dir": "Images' folder.",
    "label_dir": "Labels' folder.",
    "classes_json": 'The classes: {"classes": ["road", {"name": "sky", "color": '
    '[70, 130, 180]}], "ignore_label": 255}, in the order of the ids.',
}
_OPTIONAL = {
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
    )
    name = values["name"].value or pathlib.Path(values.output_dir).resolve().name
    classes = pathlib.Path(values.classes_json)
    return source(name, own, classes, values.label_palette, values.label_map)


PROGRAM = common.Program(__doc__, _FLAGS, _source, output_dir=None)
