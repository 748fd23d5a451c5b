"""The copy of a batch on which training failed."""

import json

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import checkpoint_files
from deeplab_dpc.training import bad_batch, trainer


def _batch():
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (2, 5, 7, 3)).astype("float32")
    label = random.integers(0, 3, (2, 5, 7)).astype("int32")
    image[1, 0, 0, 0], label[1, 4] = np.nan, 255
    return {"image": image, "label": label, "name": [b"a/one.jpg", b"two \xff"]}


def _png(path):
    return tf.io.decode_png(path.read_bytes()).numpy()


def test_images_and_labels_can_be_read_back(tmp_path):
    batch = _batch()
    folder = bad_batch.save(tmp_path, 7, batch, {"loss": float("nan"), "rate": 0.5})
    assert folder == tmp_path / "bad_batch_7"
    facts = json.loads((folder / "batch.json").read_text())
    assert facts["step"] == 7 and facts["scalars"] == {"loss": "nan", "rate": 0.5}
    assert [image["name"] for image in facts["images"]] == ["a/one.jpg", "two \ufffd"]
    for said, image, label in zip(facts["images"], batch["image"], batch["label"]):
        seen, true = (_png(folder / said[kind]) for kind in ("image", "label"))
        np.testing.assert_array_equal(seen, np.nan_to_num(image))
        np.testing.assert_array_equal(true[..., 0], label)
    assert [said["not_finite_values"] for said in facts["images"]] == [0, 1]
    assert facts["images"][1]["label_pixels"]["255"] == 7
    assert facts["images"][0]["largest_value"] == batch["image"][0].max()


def test_a_second_copy_does_not_hide_the_first(tmp_path):
    for name in ("bad_batch_7", "bad_batch_7_2"):
        assert bad_batch.save(tmp_path, 7, _batch(), {}) == tmp_path / name
    assert len(list(tmp_path.iterdir())) == 2


def test_nothing_is_left_of_a_copy_that_fails(tmp_path):
    batch = {**_batch(), "label": _batch()["label"][:1]}
    with pytest.raises(IndexError):
        bad_batch.save(tmp_path, 7, batch, {})
    assert not list(tmp_path.iterdir())


def test_an_explosion_is_named_and_leaves_its_batch_but_no_checkpoint(train, tmp_path):
    with pytest.raises(trainer.TrainingError) as error:
        train(base_learning_rate=1e30, training_number_of_steps=20)
    assert checkpoint_files.newest(tmp_path / "run") is None
    (folder,) = (tmp_path / "run").glob("bad_batch_*")
    facts, said = json.loads((folder / "batch.json").read_text()), str(error.value)
    for words in (f"They are in {folder}", "noise", f"Step {facts['step']}:"):
        assert words in said
    assert folder.name == f"bad_batch_{facts['step']}"
    assert len(facts["images"]) == 2
    for image in facts["images"]:
        assert image["name"] in said
        assert _png(folder / image["image"]).shape == (17, 17, 3)
