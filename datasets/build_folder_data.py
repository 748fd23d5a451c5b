r"""Converts your own images and labels to TFRecords.

python datasets/build_folder_data.py --image_dir=my/images --label_dir=my/labels \
    --classes_json=my/classes.json --output_dir=records/my

Images are JPEG or PNG, labels PNGs of the same names with a class id a pixel, or with a
colour for each class (--label_palette). The splits are the lists in --list_dir
(`train.txt`, `val.txt`: names, one a line, without ending), or the folders `train`,
`val`, ... in --image_dir, or a seeded choice of --val_share. See g3doc/own_data.md.
"""

import os
import pathlib
import sys
from collections.abc import Mapping, Sequence

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import id_maps, palettes
from deeplab_dpc.conversion.labels import own_classes as folder_labels
from deeplab_dpc.data.dataset_info import DatasetError

flags.adopt_module_key_flags(converter_flags)  # For --help.

_SPLIT_NAMES = ("train", "val", "test", "trainval", "training", "validation")

_IMAGES = flags.DEFINE_string("image_dir", None, "Images' folder.", required=True)
_LABELS = flags.DEFINE_string("label_dir", None, "Labels' folder.", required=True)
_LISTS = flags.DEFINE_string(
    "list_dir", None, "Folder of the lists, <split>.txt; without it see --val_share."
)
_CLASSES = flags.DEFINE_string(
    "classes_json",
    None,
    'The classes: {"classes": ["road", {"name": "sky", "color": [70, 130, 180]}], '
    '"ignore_label": 255}, in the order of the ids.',
    required=True,
)
_NAME = flags.DEFINE_string(
    "name", None, "The data set's name; by default the output folder's."
)
_UNLABELLED = flags.DEFINE_list(
    "unlabelled_splits", [], "Splits without labels, such as a test set."
)
_SUFFIX = flags.DEFINE_string(
    "label_suffix", "", "What label names have more than images', such as _mask."
)
_SHARE = flags.DEFINE_float(
    "val_share",
    0.1,
    "Share of the images that become val, where neither lists nor folders say.",
    lower_bound=0.0,
    upper_bound=0.9,
)
_SEED = flags.DEFINE_integer("split_seed", 0, "Another seed chooses another val.")
_PALETTE = flags.DEFINE_string(
    "label_palette",
    None,
    "For labels that are colour pictures: classes (the colours in --classes_json), "
    f"{', '.join(palettes.NAMES)}, or a JSON file of colours. grey: ids in three equal "
    "channels. indices: a palette PNG's numbers are the ids, whatever its colours.",
)
_MAP = flags.DEFINE_string(
    "label_map",
    None,
    f"For ids that are not the classes': {', '.join(id_maps.NAMES)}, or a JSON file.",
)

Splits = Mapping[str, Sequence[sources.Item]]


def source(
    name: str,
    splits: Splits,
    classes: folder_labels.Classes,
    label_palette: str | None = None,
    label_map: str | None = None,
) -> sources.Source:
    """A data set of these splits and classes; the flags say what its labels are.

    Raises:
        DatasetError: If the flags are wrong, or the labels cannot be of one kind.
    """
    reader = folder_labels.choose_reader(classes, label_palette, label_map)
    paths = {i.label: None for items in splits.values() for i in items if i.label}
    folder_labels.check_all(list(paths), reader, classes)
    return sources.Source(name, classes.names, classes.colors, splits, reader)


def listed_splits(
    images: pathlib.Path,
    label_dir: pathlib.Path,
    lists: pathlib.Path,
    unlabelled: Sequence[str] = (),
    label_suffix: str = "",
) -> Splits:
    """The splits that lists name, by the lists' names.

    Raises:
        DatasetError: If there is no list, or one is wrong.
    """
    found = {path.stem: path for path in sorted(lists.glob("*.txt"))}
    if not found:
        raise DatasetError(
            f"There are no lists (<split>.txt) in --list_dir={lists}: write train.txt "
            "and val.txt with the names of the images, one a line, without ending. Or "
            "leave --list_dir out, and the images are split by --val_share."
        )
    _check_unlabelled(unlabelled, "lists", found)
    endings = _image_endings(images, label_dir)

    def item(split: str, name: str) -> sources.Item:
        label = label_dir / f"{name}{label_suffix}.png"
        image = sources.find_image(images, name, endings)
        return sources.Item(name, image, None if split in unlabelled else label)

    return {
        split: [item(split, name) for name in sources.read_list(path)]
        for split, path in found.items()
    }


def folder_splits(
    images: pathlib.Path,
    label_dir: pathlib.Path,
    unlabelled: Sequence[str] = (),
    label_suffix: str = "",
) -> Splits | None:
    """The splits that folders make, `train`, `val`, ...; None if there is no `train`.

    Raises:
        DatasetError: If an image or a label has no partner.
    """
    found = [name for name in _SPLIT_NAMES if (images / name).is_dir()]
    if "train" not in found and "training" not in found:
        return None
    _check_unlabelled(unlabelled, "folders", found)
    splits = {}
    for name in found:
        if name not in unlabelled and not (label_dir / name).is_dir():
            raise DatasetError(
                f"There are images in {images / name}, but there is no folder "
                f"{label_dir / name}. Pass --unlabelled_splits={name} if they have no "
                "labels."
            )
        part = None if name in unlabelled else label_dir / name
        split = {"training": "train", "validation": "val"}.get(name, name)
        endings = _image_endings(images, label_dir)
        items = layouts.tree(images / name, endings, part, f"{label_suffix}.png")
        splits[split] = [
            sources.Item(f"{name}/{i.name}", i.image, i.label) for i in items
        ]
    return splits


def seeded_splits(
    images: pathlib.Path,
    label_dir: pathlib.Path,
    val_share: float,
    seed: int,
    label_suffix: str = "",
) -> Splits:
    """All images of a folder as train and a seeded share as val.

    Raises:
        DatasetError: If an image or a label has no partner.
    """
    endings = _image_endings(images, label_dir)
    items = layouts.tree(images, endings, label_dir, f"{label_suffix}.png")
    return layouts.seeded_split(items, val_share, seed)


def _image_endings(images: pathlib.Path, label_dir: pathlib.Path) -> tuple[str, ...]:
    """Endings of images; where labels lie beside them, PNGs are labels."""
    if label_dir.resolve() != images.resolve():
        return sources.IMAGE_ENDINGS
    return tuple(e for e in sources.IMAGE_ENDINGS if e.lower() != ".png")


def _check_unlabelled(unlabelled: Sequence[str], what: str, found) -> None:
    unknown = set(unlabelled) - set(found)
    if unknown:
        raise DatasetError(
            f"--unlabelled_splits names {sorted(unknown)}, but the {what} are "
            f"{sorted(found)}."
        )


def _splits(images: pathlib.Path, label_dir: pathlib.Path) -> Splits:
    """The splits, by the flags; says on stderr which way it went."""
    if _LISTS.value:
        lists = pathlib.Path(_LISTS.value)
        return listed_splits(images, label_dir, lists, _UNLABELLED.value, _SUFFIX.value)
    found = folder_splits(images, label_dir, _UNLABELLED.value, _SUFFIX.value)
    if found is not None:
        print(f"Splits by the folders in {images}.", file=sys.stderr)
        return found
    share, seed = _SHARE.value, _SEED.value
    print(
        f"No lists: --val_share={share:g} of the images are val, chosen by "
        f"--split_seed={seed}. Frames of one video should be split by lists instead.",
        file=sys.stderr,
    )
    return seeded_splits(images, label_dir, share, seed, _SUFFIX.value)


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")

    def make() -> sources.Source:
        name = _NAME.value or converter_flags.output_dir().resolve().name
        classes = folder_labels.read_classes(pathlib.Path(_CLASSES.value))
        splits = _splits(pathlib.Path(_IMAGES.value), pathlib.Path(_LABELS.value))
        return source(name, splits, classes, _PALETTE.value, _MAP.value)

    return converter_flags.run(make)


if __name__ == "__main__":
    app.run(main)
