"""Rendered scenes: the same for a seed, and every class in them."""

import json
import resource

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc import scenes


def test_seed_decides_the_scene():
    randoms = map(np.random.default_rng, (1, 1, 2))
    one, again, other = (scenes.render(random, (48, 64)) for random in randoms)
    assert one[0].shape == (48, 64, 3) and one[1].shape == (48, 64)
    assert one[0].dtype == one[1].dtype == np.uint8
    np.testing.assert_equal(one, again)
    assert not np.array_equal(one[0], other[0])


def test_every_class_occurs_and_none_fills_the_picture():
    labels = [scenes.render(np.random.default_rng(i), (96, 128))[1] for i in range(20)]
    shares = np.bincount(np.ravel(labels), minlength=8) / np.size(labels)
    assert len(shares) == 8 and 0.001 < shares.min() < shares.max() < 0.6


def test_colour_does_not_tell_the_class():
    """The best guess from colour alone (in 16 steps a channel) is often wrong."""
    counts = np.zeros((4096, 8))
    for i in range(40):
        image, label = scenes.render(np.random.default_rng(i), (96, 128))
        code = (image // 16).astype(int) @ [256, 16, 1]
        np.add.at(counts, (code.ravel(), label.ravel()), 1)
    assert counts.max(axis=1).sum() / counts.sum() < 0.75


def test_files(tmp_path):
    scenes.write(tmp_path, {"train": 2, "val": 1}, (48, 64), seed=3)
    listed = (tmp_path / "lists/train.txt").read_text().split()
    assert listed == ["train_00000", "train_00001"]
    classes = json.loads((tmp_path / "classes.json").read_text())["classes"]
    assert [c["name"] for c in classes][:2] == ["sky", "building"]
    image, label = scenes.render(np.random.default_rng((3, 1, 0)), (48, 64))
    with Image.open(tmp_path / "labels/val_00000.png") as file:
        np.testing.assert_array_equal(np.asarray(file), label)
    before = (tmp_path / "images/train_00001.jpg").read_bytes()
    scenes.write(tmp_path, {"train": 2, "val": 1}, (48, 64), seed=3)
    assert (tmp_path / "images/train_00001.jpg").read_bytes() == before


def test_another_data_set_is_left_alone(tmp_path):
    (tmp_path / "classes.json").write_text("{}")
    with pytest.raises(FileExistsError, match="another data set"):
        scenes.write(tmp_path, {"train": 1, "val": 1}, (48, 64), seed=0)


def test_a_full_disk_is_told_with_the_path(tmp_path):
    """No file may have more than 300 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(OSError, match=f"{tmp_path}/images/train_00000.jpg"):
            scenes.write(tmp_path, {"train": 1}, (96, 96), 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob("lists/*"))
