"""What a run writes for TensorBoard and for its table."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from deeplab_dpc.training import metrics
from deeplab_dpc.training.reporting import Interval, TrainingLog

MEANS = {"loss": 1.5, "cross_entropy": 1.0, "learning_rate": 0.1}
MEANS |= {"images_per_s": 8.0, "input_wait_share": 0.25, "step_s": 0.5}


def _events(folder):
    found = event_accumulator.EventAccumulator(str(folder), {"tensors": 0})
    return found.Reload()


def test_the_histogram_has_a_bar_for_each_class(tmp_path):
    log = TrainingLog(tmp_path, 100)
    log.report(10, MEANS)
    log.show_classes(10, np.array([[6.0, 0.0, 2.0], [4.0, 3.0, 1.0]]))
    log.report(20, MEANS)
    events = _events(tmp_path)
    for name, shares in (("predicted", [6, 0, 2]), ("labelled", [4, 3, 1])):
        (event,) = events.Tensors(f"classes/{name}")
        bars = tf.make_ndarray(event.tensor_proto)
        assert event.step == 10
        np.testing.assert_allclose(bars[:, 2], np.array(shares) / 8)
        np.testing.assert_allclose(bars[:, :2].mean(1), [0, 1, 2])
        content = events.SummaryMetadata(f"classes/{name}").plugin_data
        assert content.plugin_name == "histograms"


def test_curves_and_the_table_have_the_same_numbers(train):
    run = train(log_steps=2)
    rows, events = metrics.read(run), _events(run)
    assert [row["step"] for row in rows] == [2, 4, 6]
    for name in ("loss", "learning_rate", "images_per_s", "input_wait_share"):
        curve = [float(tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(name)]
        np.testing.assert_allclose(curve, [row[name] for row in rows], rtol=1e-6)
    assert len(events.Tensors("classes/predicted")) == 3


def test_an_interval_means_its_scalars():
    interval = Interval()
    interval.add({"loss": 1.0}, images=4, wait_s=0.0)
    interval.add({"loss": 5.0}, images=8, wait_s=0.0, steps=2)
    means = interval.means()
    assert means["loss"] == 2.0
    assert means["images_per_s"] * means["step_s"] == pytest.approx(4.0, rel=1e-6)


def test_a_table_that_cannot_be_written_does_not_end_a_run(tmp_path, caplog):
    log = TrainingLog(tmp_path, 100)
    log.report(10, MEANS)
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "metrics.csv").mkdir()
    log.report(20, MEANS)
    log.report(30, MEANS)
    told = [r.message for r in caplog.records if "cannot be written" in r.message]
    assert len(told) == 1 and str(tmp_path) in told[0] and "Make room" in told[0]
