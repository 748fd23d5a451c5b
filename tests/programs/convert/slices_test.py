"""Slices of the real data sets: every stored id against an independent reading."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data.dataset_info import DatasetInfo, known
from tests import goldens
from tests.programs.convert import stored
from tests.programs.convert.cityscapes_test import SAMPLE as CITYSCAPES
from tests.programs.convert.cityscapes_test import expected
from tests.programs.convert.programs import convert

CAMVID = goldens.REAL_DATA / "camvid"
ADE20K = goldens.REAL_DATA / "samples/ade20k/ADEChallengeData2016"
COCO = goldens.REAL_DATA / "samples/coco_stuff"
PARTS = goldens.REAL_DATA / "samples/pascal_person_part"
VOC = goldens.REAL_DATA / "samples/pascal_voc/VOCdevkit/VOC2012"
ROOTS = {
    "ade20k": [  # The original's own flags.
        f"--{split}_image{kind}_folder={ADE20K}/{folder}/{full}"
        for split, full in {"train": "training", "val": "validation"}.items()
        for kind, folder in {"": "images", "_label": "annotations"}.items()
    ],
    "camvid": [f"--camvid_root={CAMVID}", "--output_dir=tfrecord"],
    "cityscapes": [f"--cityscapes_root={CITYSCAPES}"],
    "coco_stuff": [
        f"--image_root={COCO}/images",
        f"--annotation_root={COCO}/annotations",
    ],
    "person_part": [f"--person_part_root={PARTS}"],
    "voc2012": [f"--voc_root={VOC}", "--num_shards=2"],
}
LABELS = {  # {} is a split, or how its folder's name begins.
    "ade20k": (ADE20K, "annotations/{}*/*.png"),
    "camvid": (CAMVID, "labels/{}/*.png"),
    "cityscapes": (CITYSCAPES, "gtFine/{}/*/*_gtFine_labelIds.png"),
    "coco_stuff": (COCO, "annotations/{}2017/*.png"),
    "person_part": (PARTS, "pascal_person_part_gt/*.png"),
    "voc2012": (VOC, "SegmentationClass/*.png"),
}


SLICES = {  # The data set's name, ignore label, and images of each split.
    "ade20k": ("ade20k", 0, {"train": 1, "val": 3}),
    "camvid": ("camvid", 255, {"train": 367, "val": 101, "test": 60}),
    "cityscapes": ("cityscapes", 255, {"train_fine": 4, "val_fine": 3}),
    "coco_stuff": ("coco_stuff", 255, {"train": 13, "val": 8}),
    "person_part": ("pascal_person_part", 255, {"train": 2, "val": 2}),
    "voc2012": ("pascal_voc_seg", 255, {"train": 4, "trainval": 9, "val": 5}),
}


@goldens.real_data_needed
@pytest.mark.parametrize("program", SLICES)
def test_every_stored_id(tmp_path, program):
    name, ignore_label, sizes = SLICES[program]
    convert(program, *ROOTS[program], cwd=tmp_path)
    records = tmp_path / ("ADE20K/tfrecord" if program == "ade20k" else "tfrecord")
    info = DatasetInfo.load(records)
    assert (info.name, info.ignore_label) == (name, ignore_label)
    assert (info.class_names, info.split_sizes) == (known(name).class_names, sizes)
    root, pattern = LABELS[program]
    for split, size in sizes.items():
        found = stored.ids(records, split)
        paths = root.glob(pattern.format(split.removesuffix("_fine")))
        labels = {p.name.removesuffix(pattern.split("*")[-1]): p for p in paths}
        assert len(found) == size
        assert "{}" not in pattern or found.keys() == labels.keys()
        for key, ids in found.items():
            label = np.asarray(Image.open(labels[key]))
            if program == "camvid":
                label = np.where(label == 11, 255, label)
            if program == "cityscapes":
                label = expected(label)
            np.testing.assert_array_equal(ids, label)


@goldens.real_data_needed
def test_cityscapes_says_what_is_missing_and_keeps_the_images_bytes(tmp_path):
    done = convert("cityscapes", *ROOTS["cityscapes"], cwd=tmp_path)
    assert (
        "published number of images: train_fine 4 of 2,975, val_fine 3" in done.stderr
    )
    for name, encoded in stored.images(tmp_path / "tfrecord", "val_fine").items():
        path = next(CITYSCAPES.glob(f"leftImg8bit/val/*/{name}_leftImg8bit.png"))
        assert encoded == path.read_bytes()
