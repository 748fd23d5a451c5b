import json

import numpy as np
import pytest

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


STEPS = {"learning_policy": "multi_steps", "learning_rate_values": (4, 2, 1)}


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


@pytest.mark.parametrize(
    "settings, rates",
    [
        # Halfway, with power 2: a quarter of the way above the end.
        (
            {"decay_steps": 10, "end_learning_rate": 0.2, "learning_power": 2.0},
            {5: 0.8 * 0.25 + 0.2, 99: 0.2},
        ),
        ({"learning_policy": "step", "learning_rate_decay_step": 10}, {25: 0.01}),
        ({"learning_policy": "cosine"}, {0: 1.0, 50: 0.5, 100: 0.0}),
        (  # A boundary is the last step of its rate.
            {**STEPS, "learning_rate_boundaries": (3, 9)},
            {0: 4, 3: 4, 4: 2, 9: 2, 10: 1},
        ),
        ({**STEPS, "learning_rate_values": (0.5,)}, {0: 0.5, 99: 0.5}),
    ],
)
def test_policies_by_hand(settings, rates):
    train = {"base_learning_rate": 1.0, "training_number_of_steps": 100}
    rate = schedules.LearningRate(TrainConfig(**train, **settings))
    found = [float(rate(step)) for step in rates]
    np.testing.assert_allclose(found, [*rates.values()], rtol=1e-6, atol=1e-7)


def test_slow_start_delays_the_policy_and_must_leave_steps():
    slow = {"slow_start_step": 5, "slow_start_learning_rate": 0.25}
    step = {"learning_policy": "step", "learning_rate_decay_step": 10}
    rate = schedules.LearningRate(TrainConfig(base_learning_rate=1.0, **step, **slow))
    ours = [float(rate(step)) for step in (0, 4, 5, 14, 15)]
    np.testing.assert_allclose(ours, [0.25, 0.25, 1.0, 1.0, 0.1], rtol=1e-6)
    with pytest.raises(ConfigError, match="slow_start_step=5 leaves nothing"):
        schedules.LearningRate(TrainConfig(training_number_of_steps=5, **slow))
