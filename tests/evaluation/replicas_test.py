"""Several devices find what one does: labels, counts, scores."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import inference
from deeplab_dpc.evaluation import replicas
from deeplab_dpc.programs import eval as program
from tests.programs import tiny_run

_TWO_DEVICES = """
import pathlib, sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
from deeplab_dpc import inference
from deeplab_dpc.evaluation import replicas
from tests.evaluation.replicas_test import evaluate
from tests.programs import tiny_run

folder = pathlib.Path(sys.argv[1])
strategy = replicas.strategy()
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    model = tiny_run.model(10)
averaging = inference.Averaging(window=(33, 33))
labels = replicas.Predictor(model, averaging, strategy)
images = np.load(folder / "images.npz")
a, b, c = (images[name] for name in "abc")
np.savez(folder / "labels.npz", *labels([a, b]), *labels([c]))
for size in (1, 2):
    evaluate(folder, f"two_{size}", size)
"""


def evaluate(folder, name, size):
    where = f"--checkpoint_dir={folder / 'run'}", f"--eval_logdir={folder / name}"
    tiny_run.run(program, *where, f"--eval_batch_size={size}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two logical devices found, in a process of their own."""
    folder = tmp_path_factory.mktemp("replicas")
    tiny_run.write_dataset(folder / "records")
    tiny_run.write_run(folder / "run", folder / "records")
    rng, sizes = np.random.default_rng(0), {"a": (1, 33, 40), "b": (2, 50, 65)}
    sizes["c"] = (1, 21, 90)
    images = {k: rng.uniform(0, 255, (*size, 3)) for k, size in sizes.items()}
    np.savez(folder / "images.npz", **images)
    done = tiny_run.python("-c", _TWO_DEVICES, folder, timeout=300)
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


@pytest.mark.slow
def test_batches_of_different_sizes_give_the_labels_of_one_device(folder):
    """Also when there are fewer batches than devices."""
    averaging = inference.Averaging(window=(33, 33))
    alone = replicas.Predictor(tiny_run.model(10), averaging)
    found = np.load(folder / "labels.npz")
    images = np.load(folder / "images.npz")
    assert len(found.files) == len(images.files)
    for i, name in enumerate(images.files):
        (expected,) = alone([images[name]])
        np.testing.assert_array_equal(found[f"arr_{i}"], expected)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2])
def test_eval_counts_the_same_on_two_devices(folder, size):
    """Three images: a device is without a batch at the end (size 1: 2 + 1 batches)."""
    evaluate(folder, f"one_{size}", size)
    for name in ("val_confusion.csv", "val_images.csv"):
        there = (folder / f"two_{size}" / name).read_text()
        assert (folder / f"one_{size}" / name).read_text() == there
    assert "2 devices" in (folder / "printed.txt").read_text()


def test_one_device_needs_no_mirror():
    assert not isinstance(replicas.strategy(["CPU:0"]), tf.distribute.MirroredStrategy)
