"""Features are the backbone's, a view is training's, and a stopped cache goes on."""

import dataclasses
import logging
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from deeplab_dpc.config import ConfigError
from deeplab_dpc.data import pipeline
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.files import LockedError, locked
from deeplab_dpc.model import build_model
from deeplab_dpc.search.cache import Cache, CacheError, write_cache
from deeplab_dpc.search.cache.features import Backbone
from deeplab_dpc.search.config import CacheConfig
from deeplab_dpc.tf1 import load_tf1_weights, variables_by_tf1_name
from tests import goldens
from tests.search import scenes

SETTINGS = CacheConfig(num_views=2, images_per_shard=4)  # 10 views: 4, 4 and 2.
FIRST = "MobilenetV2/Conv/weights"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streets") / "records"
    scenes.write_records(folder)
    return folder


@pytest.fixture(scope="module")
def model(records):
    return build_model(scenes.run_config(records).model)


@pytest.fixture(scope="module")
def weights(model):
    """Values of the whole model's variables, which it has, too."""
    variables = variables_by_tf1_name(model).items()
    values = {name: goldens.recipe_value(name, v.shape) for name, v in variables}
    load_tf1_weights(model, values)
    return values


@pytest.fixture(scope="module")
def run(records, weights):
    path = str(records.parent / "weights.npz")
    np.savez(path, **weights)
    return scenes.run_config(records, tf_initial_checkpoint=path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, run):
    return write_cache(tmp_path_factory.mktemp("whole") / "cache", run, SETTINGS)


def changed(run, **parts):
    """The run with other settings in some of its parts."""
    new = {k: dataclasses.replace(getattr(run, k), **v) for k, v in parts.items()}
    return dataclasses.replace(run, **new)


def with_weights(run, values, folder, save=np.savez):
    """The run with these weights of its backbone."""
    save(folder / "other.npz", **values)
    return changed(run, train={"tf_initial_checkpoint": str(folder / "other.npz")})


def training_stream(run, batch_size):
    train = dataclasses.replace(run.train, train_batch_size=batch_size)
    split = pipeline.Split(run.dataset, run.data.dataset_dir, "train", run.data)
    return pipeline.training_batches(split, train)


def test_view_v_of_an_image_is_the_one_that_training_shows_in_epoch_v(whole, run):
    for epoch, batch in enumerate(training_stream(run, 5).take(2)):
        labels = whole.train.labels(range(5 * epoch, 5 * epoch + 5))
        np.testing.assert_array_equal(labels, batch["label"])


def test_features_are_those_of_the_whole_model_in_inference_mode(whole, run, model):
    scaled = next(iter(training_stream(run, 10)))["image"] / 127.5 - 1
    backbone = model.get_layer("MobilenetV2")
    expected = backbone(scaled, training=False)["features"].numpy()
    found = whole.train.features(range(10))
    assert found.dtype == np.float16 and found.shape == (10, 3, 4, 80)
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, rtol=2**-10, atol=1e-4)
    assert len({view.tobytes() for view in found}) == 10


def test_validation_images_are_whole_and_padded_to_the_crop(whole, run):
    split = pipeline.Split(run.dataset, run.data.dataset_dir, "val", run.data)
    batch = next(iter(pipeline.evaluation_batches(split, 3, scenes.EVAL_CROP)))
    labels = whole.val.labels(range(3))
    np.testing.assert_array_equal(labels, batch["label"])
    assert (labels[:, 48:] == 255).all() and (labels[:, :, 64:] == 255).all()
    assert (labels[:, :48, :64] != 255).any()
    assert whole.val.features([0, 2]).shape == (2, 4, 5, 80)
    assert len(whole.train) == 10 and len(whole.val) == 3


def test_a_cache_says_what_it_was_made_with(whole, run):
    assert (whole.channels, whole.output_stride, whole.run) == (80, 16, run)
    classes = whole.num_classes, whole.ignore_label
    assert classes == (run.dataset.num_classes, 255)
    said = whole.describe()
    assert run.train.tf_initial_checkpoint in said and "10 train views" in said
    assert whole.manifest.settings["train.seed"] == 0


def test_stopped_in_the_middle_it_goes_on_and_gives_the_same_bytes(
    whole, run, tmp_path, monkeypatch
):
    folder, calls = tmp_path / "cache", []
    compute = Backbone.__call__

    def stops(self, images):
        calls.append(len(images))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return compute(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(Backbone, "__call__", stops)
        with pytest.raises(KeyboardInterrupt):
            write_cache(folder, run, SETTINGS)
    first = folder / "train-00000-of-00003-features.npy"
    made_ns = first.stat().st_mtime_ns
    with pytest.raises(CacheError, match="not finished: it has 1 of 4 shards"):
        Cache.open(folder)
    cache = write_cache(folder, run, SETTINGS)
    assert first.stat().st_mtime_ns == made_ns
    assert cache.fingerprint == whole.fingerprint
    assert not list(folder.glob(".*.tmp"))


def test_what_is_damaged_is_made_anew(whole, run, tmp_path, caplog):
    folder = tmp_path / "cache"
    write_cache(folder, run, SETTINGS)
    scenes.change_byte(folder / "train-00001-of-00003-labels.npy")
    (folder / "val-00000-of-00001-features.npy").unlink()
    with caplog.at_level(logging.WARNING, logger="absl"):
        cache = write_cache(folder, run, SETTINGS)
    assert "train-00001-of-00003 is missing or damaged" in caplog.text
    assert "val-00000-of-00001 is missing or damaged" in caplog.text
    assert cache.fingerprint == whole.fingerprint
    Cache.open(folder, verify=True)


def test_other_settings_and_weights_are_refused_with_the_differences(
    whole, run, weights, tmp_path
):
    values = {**weights, FIRST: weights[FIRST].copy()}
    values[FIRST][0, 0, 0, 0] += 1e-3
    more = dataclasses.replace(SETTINGS, num_views=3)
    for other, settings, message in (
        (changed(run, train={"seed": 7}), SETTINGS, r"train\.seed: 0 there, now 7"),
        (
            changed(run, train={"random_flip": False}),
            SETTINGS,
            r"train\.random_flip: None there, now False",
        ),
        (run, more, r"cache\.num_views: 2 there, now 3"),
        (with_weights(run, values, tmp_path), SETTINGS, "weights_sha256"),
    ):
        with pytest.raises(CacheError, match=message):
            write_cache(whole.folder, other, settings)


def test_what_does_not_change_features_may_differ(whole, run):
    other = changed(run, train={"base_learning_rate": 1.0, "train_batch_size": 3})
    again = write_cache(whole.folder, other, SETTINGS)
    assert again.fingerprint == whole.fingerprint


def test_the_checksum_is_of_values_not_of_the_file(run, weights, tmp_path):
    values = dict(reversed(weights.items()))
    again = with_weights(run, values, tmp_path, np.savez_compressed)
    sums = [Backbone(r.model, r.train).weights_sha256() for r in (run, again)]
    assert sums[0] == sums[1]


@pytest.mark.parametrize(
    "name, value, error, message",
    [
        (
            "eval_crop_size",
            (33, 65),
            CacheError,
            "val0 of split 'val' has 48x64 pixels",
        ),
        ("tf_initial_checkpoint", None, CacheError, "is no --tf_initial_checkpoint"),
        ("dataset_dir", None, ConfigError, "dataset_dir is not given"),
        ("train_split", "trian", DatasetError, "no images of split 'tria"),
    ],
)
def test_large_images_no_weights_and_no_records_are_named(
    run, tmp_path, name, value, error, message
):
    (part,) = (p for p in ("data", "train", "eval") if hasattr(getattr(run, p), name))
    with pytest.raises(error, match=message):
        write_cache(tmp_path / "cache", changed(run, **{part: {name: value}}), SETTINGS)


def test_a_folder_of_something_else_is_refused(run, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(CacheError, match=r"is no cache, but holds \['letter.txt'\]"):
        write_cache(tmp_path, run, SETTINGS)


def test_two_cannot_write_at_once(run, tmp_path):
    message = "is being written by another process"
    with locked(tmp_path / ".lock"), pytest.raises(LockedError, match=message):
        write_cache(tmp_path, run, SETTINGS)


def test_too_little_space_is_said_before_anything_is_written(
    run, tmp_path, monkeypatch
):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(CacheError, match="0.0 GiB free, but the features need"):
        write_cache(tmp_path / "cache", run, SETTINGS)
    assert not (tmp_path / "cache" / "manifest.json").exists()


def test_weights_that_lack_some_or_give_huge_features_are_refused(
    run, weights, tmp_path
):
    last = next(n for n in weights if n.endswith("_16/project/BatchNorm/gamma"))
    some = {name: value for name, value in weights.items() if name != FIRST}
    for values, message in (
        (some, f"lacks 1 tensor .* {FIRST}"),
        ({**weights, last: weights[last] * 1e6}, "not finite in float16"),
    ):
        other = with_weights(run, values, tmp_path)
        with pytest.raises(CacheError, match=message):
            write_cache(tmp_path / "cache", other, SETTINGS)


@pytest.mark.slow
def test_killed_it_goes_on_and_gives_the_same_bytes(records, run, whole, tmp_path):
    """Two kills, each after one more shard is there; then to the end."""
    folder, root = tmp_path / "cache", pathlib.Path(__file__).parents[3]
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from deeplab_dpc.search.cache import features, write_cache\n"
        "from deeplab_dpc.search.config import CacheConfig\n"
        "from tests.search import scenes\n"
        "call = features.Backbone.__call__\n"
        "def slow(self, images): time.sleep(0.5); return call(self, images)\n"
        "features.Backbone.__call__ = slow\n"
        "run = scenes.run_config(sys.argv[2], tf_initial_checkpoint=sys.argv[3])\n"
        "write_cache(sys.argv[4], run, CacheConfig(num_views=2, images_per_shard=4))\n"
    )
    arguments = root, records, run.train.tf_initial_checkpoint, folder
    for number in (1, 2):
        process = subprocess.Popen([sys.executable, "-c", code, *arguments])
        wanted = folder / f"train-{number - 1:05d}-of-00003-labels.npy"
        while not wanted.exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert write_cache(folder, run, SETTINGS).fingerprint == whole.fingerprint
