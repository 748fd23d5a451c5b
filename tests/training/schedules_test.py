import json

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.training import schedules
from tests import goldens

STORED = goldens.FOLDER / "losses/learning_rate.json"
SETTINGS = json.loads(STORED.read_text()) if STORED.is_file() else []
NAMES = {
    "base": "base_learning_rate",
    "total": "training_number_of_steps",
    "power": "learning_power",
    "slow": "slow_start_step",
    "slow_lr": "slow_start_learning_rate",
    "end": "end_learning_rate",
    "step": "learning_rate_decay_step",
    "factor": "learning_rate_decay_factor",
    "burnin": "slow_start_burnin_type",
    "boundaries": "learning_rate_boundaries",
    "values": "learning_rate_values",
}


def _config(case) -> TrainConfig:
    values = {NAMES[key]: value for key, value in case.items() if key in NAMES}
    values["decay_steps"] = int(case.get("decay_steps", 0))
    return TrainConfig(learning_policy=case["policy"], **values)


@goldens.needed
@pytest.mark.parametrize("index", range(len(SETTINGS)))
def test_rates_are_the_originals(index):
    """`1 - step / decay_steps` rounds to 6e-8, here worth up to 1e-9."""
    stored = goldens.arrays("losses/learning_rate")
    rate = schedules.LearningRate(_config(SETTINGS[index]))
    ours = [float(rate(step)) for step in stored["steps"]]
    expected = stored[f"lr{index}"]
    found = np.abs(ours - expected).max() / expected.max()
    goldens.check("losses/learning_rate.npz", "rates", found, 3e-7)
    if SETTINGS[index]["policy"] == "step":
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-37)


def test_poly_by_hand():
    """Halfway, with power 2: a quarter of the way above the end."""
    rate = schedules.poly(tf.constant(5.0), 1.0, 10, end=0.2, power=2.0)
    np.testing.assert_allclose(rate, 0.8 * 0.25 + 0.2, rtol=1e-6)


def test_slow_start_delays_the_policy():
    train = TrainConfig(
        learning_policy="step",
        base_learning_rate=1.0,
        learning_rate_decay_step=10,
        slow_start_step=5,
        slow_start_learning_rate=0.25,
    )
    ours = [float(schedules.LearningRate(train)(step)) for step in (0, 4, 5, 14, 15)]
    np.testing.assert_allclose(ours, [0.25, 0.25, 1.0, 1.0, 0.1], rtol=1e-6)


def test_multi_steps_by_hand():
    """A boundary is the last step of its rate."""
    steps = tf.constant([0.0, 3.0, 4.0, 9.0, 10.0])
    rates = [schedules.multi_steps(s, (3, 9), (0.5, 0.25, 0.125)) for s in steps]
    np.testing.assert_array_equal(rates, [0.5, 0.5, 0.25, 0.25, 0.125])


@pytest.mark.parametrize("boundaries", [None, (3,), (9, 3)])
def test_multi_steps_need_one_value_more_than_boundaries(boundaries):
    with pytest.raises(ConfigError, match="one value more than boundaries"):
        TrainConfig(
            learning_policy="multi_steps",
            learning_rate_boundaries=boundaries,
            learning_rate_values=(0.5, 0.25, 0.125),
        )


def test_slow_start_must_leave_steps():
    train = TrainConfig(training_number_of_steps=10, slow_start_step=10)
    with pytest.raises(ConfigError, match="slow_start_step=10 leaves nothing"):
        schedules.LearningRate(train)
