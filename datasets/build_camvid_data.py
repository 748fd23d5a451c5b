r"""Converts CamVid to TFRecords: 11 classes, void ignored.

python datasets/build_camvid_data.py --camvid_root=CamVid --output_dir=records/camvid

--camvid_root has `classes.json`, `<split>.txt` (names without ending),
`images/<split>/<name>.jpg` and `labels/<split>/<name>.png` (ids). See g3doc/camvid.md.
"""

import json
import os
import pathlib
import sys

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.data import labels, sources
from deeplab_dpc.data.dataset_info import DatasetError

_ROOT = flags.DEFINE_string("camvid_root", None, "CamVid's folder.", required=True)
_SPLITS = ("train", "val", "test")


def source(root: pathlib.Path) -> sources.Source:
    """What CamVid's folder holds.

    Raises:
        DatasetError: If it is not CamVid's folder, or a list is missing or wrong.
    """
    names, colors, ignore_label = _classes(root / "classes.json")
    splits = {split: _items(root, split) for split in _SPLITS}
    reader = labels.Ids(len(names), ignore_label)
    return sources.Source("camvid", names, colors, splits, reader)


def _items(root: pathlib.Path, split: str) -> list[sources.Item]:
    return [
        sources.Item(
            name,
            root / "images" / split / f"{name}.jpg",
            root / "labels" / split / f"{name}.png",
        )
        for name in sources.read_list(root / f"{split}.txt")
    ]


def _classes(path: pathlib.Path):
    """Names and colours in the order of the ids, and the source's ignore label."""
    if not path.is_file():
        raise DatasetError(
            f"--camvid_root={path.parent} is not CamVid's folder: it has no "
            f"{path.name}. It must hold classes.json, images/, labels/ and the lists "
            f"{', '.join(f'{split}.txt' for split in _SPLITS)}."
        )
    try:
        facts = json.loads(path.read_text())
        classes = sorted(facts["classes"], key=lambda c: c["id"])
        names = tuple(c["name"].replace("_", " ") for c in classes)
        colors = tuple(tuple(c["rgb"]) for c in classes)
        return names, colors, int(facts["ignore_label"])
    except (KeyError, TypeError, ValueError) as e:
        raise DatasetError(
            f"{path} cannot be read ({type(e).__name__}: {e}); download it again."
        ) from e


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    return converter_flags.run(lambda: source(pathlib.Path(_ROOT.value)))


if __name__ == "__main__":
    app.run(main)
