r"""Converts Cityscapes to TFRecords: 19 classes, 255 ignored.

python datasets/build_cityscapes_data.py --cityscapes_root=cityscapes \
    --output_dir=records/cityscapes

--cityscapes_root holds `leftImg8bit` and `gtFine` (and `gtCoarse`) as they unpack. The
labels `..._labelIds.png` are mapped here; no script has to make `labelTrainIds` first.
More in g3doc/cityscapes.md.
"""

import os
import pathlib
import sys
from collections.abc import Sequence

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import id_maps
from deeplab_dpc.conversion.labels import reading as labels
from deeplab_dpc.data import dataset_info
from deeplab_dpc.data.dataset_info import DatasetError

flags.adopt_module_key_flags(converter_flags)  # For --help.

# Each split's folders, and the kind of its labels. The original's split names.
_FOLDERS = {
    "train_fine": (("train",), "gtFine"),
    "val_fine": (("val",), "gtFine"),
    "test_fine": (("test",), None),
    "trainval_fine": (("train", "val"), "gtFine"),
    "train_coarse": (("train", "train_extra"), "gtCoarse"),
    "trainval_coarse": (("train", "train_extra", "val"), "gtCoarse"),
}
# The same images under another name are no mistake.
_UNIONS = {
    "trainval_fine": ("train_fine", "val_fine"),
    "train_coarse": ("train_fine",),
    "trainval_coarse": ("train_fine", "val_fine"),
}

_ROOT = flags.DEFINE_string(
    "cityscapes_root", "./cityscapes", "Folder of leftImg8bit and gtFine."
)
_TYPE = flags.DEFINE_enum(
    "label_type",
    "labelIds",
    ["labelIds", "labelTrainIds"],
    "Which label files to read: as downloaded, or made by createTrainIdLabelImgs.",
)
_SPLITS = flags.DEFINE_list(
    "splits", ["train_fine", "val_fine"], f"Which of: {', '.join(_FOLDERS)}."
)
flags.set_default(converter_flags.OUTPUT_DIR, "./tfrecord")
flags.set_default(converter_flags.NUM_SHARDS, 10)


def source(
    root: pathlib.Path,
    splits: Sequence[str] = ("train_fine", "val_fine"),
    label_type: str = "labelIds",
) -> sources.Source:
    """What Cityscapes' folder holds. Test images have no public labels.

    Raises:
        DatasetError: If it is not Cityscapes' folder, or a split is unknown or not
            whole.
    """
    unknown = [split for split in splits if split not in _FOLDERS]
    if unknown or not splits:
        raise DatasetError(
            f"--splits names {', '.join(unknown) or 'nothing'}; splits are "
            f"{', '.join(_FOLDERS)}."
        )
    if not (root / "leftImg8bit").is_dir():
        raise DatasetError(
            f"--cityscapes_root={root} is not Cityscapes' folder: it has no "
            "leftImg8bit. Unpack leftImg8bit_trainvaltest.zip and "
            "gtFine_trainvaltest.zip into one folder and give that."
        )
    info = dataset_info.known("cityscapes")
    reader: labels.Reader = id_maps.cityscapes_label_ids()
    if label_type == "labelTrainIds":
        reader = labels.Ids(info.num_classes)
    return sources.Source(
        info.name,
        info.class_names,
        info.colors,
        {split: _items(root, split, label_type) for split in splits},
        reader,
        unions={k: v for k, v in _UNIONS.items() if k in splits},
    )


def _items(root: pathlib.Path, split: str, label_type: str) -> list[sources.Item]:
    folders, kind = _FOLDERS[split]
    items = []
    for folder in folders:
        images = root / "leftImg8bit" / folder
        label_dir = None if kind is None else root / kind / folder
        _check_folders(root, split, images, label_dir, label_type)
        ending = f"_{kind}_{label_type}.png"
        items += layouts.tree(images, ("_leftImg8bit.png",), label_dir, ending)
    return layouts.by_base_name(items)


def _check_folders(
    root: pathlib.Path,
    split: str,
    images: pathlib.Path,
    label_dir: pathlib.Path | None,
    label_type: str,
) -> None:
    for folder in filter(None, (images, label_dir)):
        if not folder.is_dir():
            parts = {p.parent.name + "/" + p.name for p in root.glob("*/*")}
            raise DatasetError(
                f"Split {split!r} needs the folder {folder}, which is not there; "
                f"--cityscapes_root={root} holds {', '.join(sorted(parts)[:12])}. "
                "Unpack what is missing, or leave the split out of --splits."
            )
    other = {"labelTrainIds": "labelIds", "labelIds": "labelTrainIds"}[label_type]
    if label_dir and not any(label_dir.glob(f"*/*_{label_type}.png")):
        has_other = any(label_dir.glob(f"*/*_{other}.png"))
        raise DatasetError(
            f"{label_dir} has no ..._{label_type}.png files"
            + (
                f", but ..._{other}.png: pass --label_type={other}."
                if has_other
                else "."
            )
        )


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    root = pathlib.Path(_ROOT.value)

    def make() -> sources.Source:
        return layouts.with_size_note(source(root, _SPLITS.value, _TYPE.value))

    return converter_flags.run(make)


if __name__ == "__main__":
    app.run(main)
