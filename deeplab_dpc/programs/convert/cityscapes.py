r"""Converts Cityscapes to TFRecords: 19 classes, 255 ignored.

python datasets/build_cityscapes_data.py --cityscapes_root=cityscapes \
    --output_dir=records/cityscapes

--cityscapes_root holds `leftImg8bit` and `gtFine` (and `gtCoarse`) as they unpack. The
labels `..._labelIds.png` are mapped here; no script has to make `labelTrainIds` first.
More in g3doc/cityscapes.md.
"""

import pathlib
from collections.abc import Sequence

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.folders import Files
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.programs.convert import common

# Each split's folders, and the kind of its labels. The original's split names.
_FOLDERS: dict[str, tuple[tuple[str, ...], str | None]] = {
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


def source(
    root: pathlib.Path,
    splits: Sequence[str] = ("train_fine", "val_fine"),
    label_type: str = "labelIds",
) -> sources.Source:
    """What Cityscapes' folder holds. Test images have no public labels.

    An error if it is another folder, or a split is unknown or not whole.
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
    reader: reading.Reader = reading.cityscapes_label_ids()
    if label_type == "labelTrainIds":
        reader = reading.Ids(19)
    found = {split: _items(root, split, label_type) for split in splits}
    unions = {k: v for k, v in _UNIONS.items() if k in splits}
    roots = [root / "leftImg8bit" / f for split in splits for f in _FOLDERS[split][0]]
    why = dict.fromkeys(roots, "not called *_leftImg8bit.png")
    return sources.known("cityscapes", found, reader, why, unions=unions)


def _items(root: pathlib.Path, split: str, label_type: str) -> list[sources.Item]:
    folders, kind = _FOLDERS[split]
    items = []
    for folder in folders:
        images = root / "leftImg8bit" / folder
        labels = None if kind is None else root / kind / folder
        of_type = None
        for needed in filter(None, (images, labels)):
            if not needed.is_dir():
                parts = {p.parent.name + "/" + p.name for p in root.glob("*/*")}
                raise DatasetError(
                    f"Split {split!r} needs the folder {needed}, which is not there; "
                    f"--cityscapes_root={root} holds {', '.join(sorted(parts)[:12])}. "
                    "Unpack what is missing, or leave the split out of --splits."
                )
        if labels:
            of_type = _labels(labels, f"_{kind}_{{}}.png", label_type)
        items += layouts.tree(Files(images, ("_leftImg8bit.png",)), of_type)
    return [sources.Item(i.name.split("/")[-1], i.image, i.label) for i in items]


def _labels(labels: pathlib.Path, ending: str, label_type: str) -> Files:
    """Those of a type; `DatasetError` if there is none."""
    found = Files(labels, (ending.format(label_type),))
    if found.by_name:
        return found
    other = {"labelTrainIds": "labelIds", "labelIds": "labelTrainIds"}[label_type]
    has_other = Files(labels, (ending.format(other),)).by_name
    hint = f", but ..._{other}.png: pass --label_type={other}."
    raise DatasetError(
        f"{labels} has no ..._{label_type}.png files{hint if has_other else '.'}"
    )


PROGRAM = common.Program(
    __doc__,
    (
        common.flag(
            "cityscapes_root", "./cityscapes", "Folder of leftImg8bit and gtFine."
        ),
        common.flag(
            "label_type",
            "labelIds",
            "Which label files to read: as downloaded, or made by "
            "createTrainIdLabelImgs.",
            ["labelIds", "labelTrainIds"],
        ),
        common.flag(
            "splits", ["train_fine", "val_fine"], f"Which of: {', '.join(_FOLDERS)}."
        ),
    ),
    lambda values: source(
        pathlib.Path(values.cityscapes_root), values.splits, values.label_type
    ),
    num_shards=10,
)
