"""The converter programs: what they take from each layout, and how they fail."""

import json

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.config import DataConfig
from deeplab_dpc.data import labels, pipeline
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo, known
from tests import goldens
from tests.datasets.programs import module, run

VOC = goldens.REAL_DATA / "samples/pascal_voc/VOCdevkit/VOC2012"
CAMVID = goldens.REAL_DATA / "camvid"


@pytest.fixture
def own(tmp_path):
    """Images, labels, lists and classes of one's own."""
    for name in ("images", "labels", "lists"):
        (tmp_path / name).mkdir()
    for i, name in enumerate("abc"):
        Image.new("RGB", (4, 3), (i, i, i)).save(tmp_path / f"images/{name}.jpg")
        label = np.full((3, 4), i, np.uint8)
        Image.fromarray(label).save(tmp_path / f"labels/{name}.png")
    (tmp_path / "lists/train.txt").write_text("a\nb\n")
    (tmp_path / "lists/val.txt").write_text("c\n")
    classes = ["road", {"name": "sky", "color": [7, 8, 9]}, "car"]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes}))
    return tmp_path


def own_flags(folder):
    return [
        f"--image_dir={folder}/images",
        f"--label_dir={folder}/labels",
        f"--list_dir={folder}/lists",
        f"--classes_json={folder}/classes.json",
        f"--output_dir={folder}/out/mine",
    ]


def own_source(folder, **settings):
    folders = [folder / name for name in ("images", "labels", "lists")]
    program = module("build_folder_data")
    return program.source("mine", folders, folder / "classes.json", **settings)


def test_own_data_as_a_user_converts_it(own):
    done = run("build_folder_data", *own_flags(own), cwd=own)
    assert done.returncode == 0, done.stderr
    assert "mine: 3 classes, ignore label 255; images: train 2, val 1." in done.stdout
    assert "mine: 3/3 images" in done.stderr
    info = DatasetInfo.load(own / "out/mine")
    assert info.class_names == ("road", "sky", "car")
    assert info.colors == ((0, 0, 0), (7, 8, 9), (0, 128, 0))
    batches = pipeline.evaluation_batches(
        info, own / "out/mine", "val", DataConfig(), 1, (3, 4)
    )
    (batch,) = batches.as_numpy_iterator()
    assert batch["name"].tolist() == [b"c"]
    assert (batch["label"] == 2).all()


def test_a_failure_is_one_paragraph_and_leaves_nothing(own):
    (own / "lists/val.txt").write_text("c\nd\n")
    done = run("build_folder_data", *own_flags(own))
    assert done.returncode == 1
    assert "Split 'val': 1 of 2 image files are missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (own / "out").exists()


def test_labels_beside_images(own):
    for name in "abc":
        (own / f"labels/{name}.png").rename(own / f"images/{name}.png")
    program = module("build_folder_data")
    folders = [own / "images", own / "images", own / "lists"]
    source = program.source("mine", folders, own / "classes.json")
    item = source.splits["val"][0]
    assert (item.image.name, item.label.name) == ("c.jpg", "c.png")


def test_unlabelled_split(own):
    source = own_source(own, unlabelled_splits=["val"])
    assert source.splits["val"][0].label is None
    assert source.splits["train"][0].label == own / "labels/a.png"
    with pytest.raises(
        DatasetError, match=r"\['test'\], but the lists are \['train', 'val'\]"
    ):
        own_source(own, unlabelled_splits=["test"])


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "cannot be read .*looks like"),
        ('["road"]', "cannot be read"),
        ('{"classes": ["a"], "ignore": 3}', r"\['ignore'\]"),
        ('{"classes": [{"name": "a", "colour": [1, 2, 3]}]}', r"\['colour'\]"),
        ('{"classes": [{"color": [1, 2, 3]}]}', "cannot be read"),
        ('{"classes": ["a", "b"], "ignore_label": 1}', "is also the id of a class"),
        ('{"classes": ["a"], "ignore_label": -1}', r"ignore_label is -1"),
        ('{"classes": ["a"], "ignore_label": "255"}', r"ignore_label is '255'"),
    ],
)
def test_wrong_classes(own, text, message):
    (own / "classes.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        own_source(own)


def test_no_lists(own):
    for path in (own / "lists").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="There are no lists"):
        own_source(own)


def test_wrong_roots_say_what_is_expected(tmp_path):
    with pytest.raises(DatasetError, match="is not CamVid's folder"):
        module("build_camvid_data").source(tmp_path)
    with pytest.raises(DatasetError, match="There are no lists .*--voc_root"):
        module("build_voc2012_data").source(tmp_path, tmp_path, tmp_path, "jpg")


@goldens.real_data_needed
def test_voc_palette_labels(tmp_path):
    done = run(
        "build_voc2012_data", f"--voc_root={VOC}", "--num_shards=2", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    info = DatasetInfo.load(tmp_path / "tfrecord", "pascal_voc_seg")
    assert info.split_sizes == {"train": 4, "trainval": 9, "val": 5}
    batches = pipeline.evaluation_batches(
        info, tmp_path / "tfrecord", "val", DataConfig(), 1, (513, 513)
    )
    for batch in batches.as_numpy_iterator():
        path = VOC / "SegmentationClass" / f"{batch['name'][0].decode()}.png"
        expected = np.asarray(Image.open(path))
        height, width = batch["size"][0]
        np.testing.assert_array_equal(batch["label"][0, :height, :width], expected)


@goldens.real_data_needed
def test_camvid_classes_and_void():
    source = module("build_camvid_data").source(CAMVID)
    assert source.read_label == labels.Ids(11, ignore_label=11)
    assert {split: len(items) for split, items in source.splits.items()} == {
        "train": 367,
        "val": 101,
        "test": 60,
    }
    assert source.class_names == known("camvid").class_names
    assert source.colors == known("camvid").colors
