"""Collapsed predictions are told early, healthy runs are left in peace."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.training import collapse
from deeplab_dpc.training.collapse import CollapseMonitor

INFO = DatasetInfo("pets", ("background", "cat", "dog"), ((0, 0, 0),) * 3, 255, {})


def _nearest(labels, height, width):
    """Corners aligned: pixel i of n is pixel round(i * (N - 1) / (n - 1))."""
    rows = np.round(np.linspace(0, labels.shape[1] - 1, height)).astype(int)
    columns = np.round(np.linspace(0, labels.shape[2] - 1, width)).astype(int)
    return labels[:, rows][:, :, columns]


@pytest.mark.parametrize("size", [(5, 7), (33, 17), (1, 1)])
def test_counts_are_those_of_numpy(size):
    """The labels 255, -1 and 4 are no classes; the predictions there do not count."""
    random = np.random.default_rng(2)
    logits = random.normal(size=(2, *size, 4)).astype("float32")
    labels = random.choice([0, 1, 2, 3, 4, -1, 255], (2, 33, 17)).astype("int32")
    found = collapse.class_counts(tf.constant(logits), tf.constant(labels), 255)
    small = _nearest(labels, *size) if size != (1, 1) else labels[:, :1, :1]
    is_class = (small >= 0) & (small < 4)
    predicted = np.bincount(logits.argmax(-1)[is_class], minlength=4)
    labelled = np.bincount(small[is_class], minlength=4)
    np.testing.assert_array_equal(found, [predicted, labelled])


@pytest.mark.parametrize(
    "predicted, labelled",
    [
        ([1.0, 0.0, 0.0], [0.95, 0.04, 0.01]),  # One class rules.
        ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
        ([0.98, 0.02, 0.0], [0.6, 0.3, 0.1]),
    ],
)
def test_what_the_labels_explain_is_no_collapse(predicted, labelled):
    assert _looks(_monitor(), _shares(predicted, labelled), until=5000) == []


def test_batches_without_labels_are_told_at_once():
    """An ignored class is none, as in ADE20K, whose ignored label is class 0."""
    monitor, logits = _monitor(), tf.one_hot([[[0, 1, 2]]], 3)
    found = collapse.class_counts(logits, tf.constant([[[0, 0, 2]]]), 0)
    np.testing.assert_array_equal(found, [[0, 0, 1], [0, 0, 1]])
    told = monitor.look(10, 10, np.zeros((2, 3)))
    assert "No pixel of steps 1 to 10 has a class" in told
    assert monitor.look(20, 10, np.zeros((2, 3))) is None


def _shares(predicted, labelled):
    return np.array([predicted, labelled]) * 1e4


COLLAPSED = _shares([1.0, 0.0, 0.0], [0.6, 0.3, 0.1])
HEALTHY = _shares([0.7, 0.2, 0.1], [0.6, 0.3, 0.1])


def _monitor(**train):
    train = {"training_number_of_steps": 30000, **train}
    return CollapseMonitor(INFO, TrainConfig(**train))


def _looks(monitor, counts, steps=10, until=1000, first=0):
    """The steps at which a warning came, each interval with the same counts."""
    ends = range(first + steps, until + 1, steps)
    return [step for step in ends if monitor.look(step, steps, counts)]


def test_a_collapse_is_told_once_when_it_has_lasted_after_a_slow_start():
    assert _looks(_monitor(), COLLAPSED) == [500]
    assert _looks(_monitor(training_number_of_steps=1000), COLLAPSED) == [100]
    assert _looks(_monitor(training_number_of_steps=60), COLLAPSED, until=60) == [50]
    assert _looks(_monitor(slow_start_step=200), COLLAPSED) == [700]


@pytest.mark.parametrize(
    "ends, told",
    [
        ((490, 500, 990), ([], [], [])),  # The first steps of a healthy run.
        ((600, 700, 1500), ([500], [], [1200])),  # A second collapse.
    ],
)
def test_something_else_in_between_begins_the_count_anew(ends, told):
    monitor, first = _monitor(), 0
    for end, expected, counts in zip(ends, told, (COLLAPSED, HEALTHY, COLLAPSED)):
        assert _looks(monitor, counts, first=first, until=end) == expected
        first = end


def test_the_warning_says_what_and_where_to_look():
    settings = {"train_batch_size": 2, "training_number_of_steps": 100}
    monitor = _monitor(base_learning_rate=0.5, **settings)
    told = [monitor.look(step, 10, COLLAPSED) for step in range(10, 60, 10)][-1]
    for words in (
        "nothing but 'background' since step 0: 100.0% of the pixels",
        "the labels have 60.0%",
        *(
            "ids must be 0 to 2",
            "255",
            "--base_learning_rate=0.5",
            "batches of 2 a device",
        ),
    ):
        assert words in told
    frozen = _monitor(train_batch_size=2, fine_tune_batch_norm=False)
    warning = [frozen.look(step, 100, COLLAPSED) for step in range(100, 600, 100)][-1]
    assert "batch norm" not in warning


@pytest.mark.parametrize("weights, is_stuck", [((1.0, 0.0, 0.0), True), (None, False)])
def test_a_run_that_learns_one_class_alone_is_warned(train, caplog, weights, is_stuck):
    """Without weight the other classes are never right, whatever the labels say."""
    steps = {"training_number_of_steps": 120, "log_steps": 10, "train_batch_size": 4}
    with caplog.at_level("WARNING"):
        train(label_weights=weights, base_learning_rate=0.1, **steps)
    told = [r.message for r in caplog.records if "nothing but 'red'" in r.message]
    assert len(told) == is_stuck
    assert "has a class" not in caplog.text
