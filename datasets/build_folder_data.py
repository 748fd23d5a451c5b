r"""Converts your own images and labels to TFRecords.

python datasets/build_folder_data.py --image_dir=my/images --label_dir=my/labels \
    --list_dir=my/lists --classes_json=my/classes.json --output_dir=records/my

Images are JPEG or PNG, labels PNGs of class ids. Each `<split>.txt` in --list_dir holds
the names of a split's images, one a line, without ending. See g3doc/own_data.md.
"""

import json
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.data import known_datasets, labels, sources
from deeplab_dpc.data.dataset_info import DatasetError

_IMAGES = flags.DEFINE_string("image_dir", None, "Images' folder.", required=True)
_LABELS = flags.DEFINE_string("label_dir", None, "Labels' folder.", required=True)
_LISTS = flags.DEFINE_string(
    "list_dir", None, "Folder of the lists, <split>.txt.", required=True
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

_EXAMPLE = (
    '{"classes": ["road", {"name": "sky", "color": [70, 130, 180]}], '
    '"ignore_label": 255}'
)


def read_classes(path: pathlib.Path):
    """Names, colours (PASCAL's where none is given) and the labels' ignore id.

    Raises:
        DatasetError: If the file is missing, or is not of the expected form.
    """
    if not path.is_file():
        raise DatasetError(
            f"--classes_json={path} is missing; write one such as {_EXAMPLE}"
        )
    try:
        facts = json.loads(path.read_text())
        given = [c if isinstance(c, dict) else {"name": c} for c in facts["classes"]]
        ignore_label = facts.get("ignore_label", 255)
        unknown = set(facts) - {"classes", "ignore_label"}
        unknown |= {key for c in given for key in c} - {"name", "color"}
        if unknown or not all(isinstance(c["name"], str) for c in given):
            raise ValueError(f"unknown or of the wrong type: {sorted(unknown)}")
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise DatasetError(
            f"--classes_json={path} cannot be read ({type(e).__name__}: {e}). It looks "
            f"like {_EXAMPLE}"
        ) from e
    _check_ignore_label(path, ignore_label, len(given))
    defaults = known_datasets.pascal_colors(max(len(given), 1))
    colors = tuple(tuple(c.get("color", d)) for c, d in zip(given, defaults))
    return tuple(c["name"] for c in given), colors, ignore_label


def source(
    name: str,
    folders: Sequence[pathlib.Path],
    classes_json: pathlib.Path,
    unlabelled_splits: Sequence[str] = (),
) -> sources.Source:
    """What folders of images, of labels and of lists, in this order, hold.

    Raises:
        DatasetError: If a list or the classes are missing or wrong.
    """
    images, label_dir, lists = folders
    names, colors, ignore_label = read_classes(classes_json)
    found = {path.stem: path for path in sorted(lists.glob("*.txt"))}
    if not found:
        raise DatasetError(
            f"There are no lists (<split>.txt) in --list_dir={lists}: write train.txt "
            "and val.txt with the names of the images, one a line, without ending."
        )
    unknown = set(unlabelled_splits) - set(found)
    if unknown:
        raise DatasetError(
            f"--unlabelled_splits names {sorted(unknown)}, but the lists are "
            f"{sorted(found)}."
        )
    splits = {
        split: [
            _item(images, None if split in unlabelled_splits else label_dir, item)
            for item in sources.read_list(path)
        ]
        for split, path in found.items()
    }
    reader = labels.Ids(len(names), ignore_label)
    return sources.Source(name, names, colors, splits, reader)


def _item(
    images: pathlib.Path, label_dir: pathlib.Path | None, name: str
) -> sources.Item:
    label = None if label_dir is None else label_dir / f"{name}.png"
    endings: tuple[str, ...] = sources.IMAGE_ENDINGS
    if label_dir is not None and label_dir.resolve() == images.resolve():
        endings = tuple(e for e in endings if e.lower() != ".png")
    return sources.Item(name, sources.find_image(images, name, endings), label)


def _check_ignore_label(path: pathlib.Path, ignore_label: Any, classes: int) -> None:
    if type(ignore_label) is not int or not 0 <= ignore_label <= 255:
        raise DatasetError(
            f"{path}: ignore_label is {ignore_label!r}; it must be a whole number in "
            "0..255."
        )
    if ignore_label < classes:
        raise DatasetError(
            f"{path}: ignore_label {ignore_label} is also the id of a class (0.."
            f"{classes - 1}). Pixels are ignored or of a class, not both: ids of "
            "classes begin at 0, and the ignore label is above them."
        )


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")

    def make_source() -> sources.Source:
        name = _NAME.value or converter_flags.output_dir().resolve().name
        folders = [pathlib.Path(f.value) for f in (_IMAGES, _LABELS, _LISTS)]
        return source(name, folders, pathlib.Path(_CLASSES.value), _UNLABELLED.value)

    return converter_flags.run(make_source)


if __name__ == "__main__":
    app.run(main)
