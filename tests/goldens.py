"""The original's numbers: where they lie, how variables were filled, how to compare.

What a test compares through `check` also becomes a row of `g3doc/faithfulness.csv`
(`tests/faithfulness.py`). The folder is `../shared/golden` beside the checkout, or what DEEPLAB_DPC_GOLDEN names.
Without it the tests that need it are skipped and `tests/small_goldens` remains.
"""

import dataclasses
import functools
import json
import os
import pathlib
import zlib

import keras
import numpy as np
import pytest

from deeplab_dpc import ModelConfig, build_model
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.tf1 import variables_by_tf1_name

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = pathlib.Path(
    os.environ.get("DEEPLAB_DPC_GOLDEN", ROOT.parent / "shared" / "golden")
)
REAL_DATA = FOLDER.parent / "data"

skipped_without = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"the original's numbers are not at {FOLDER}; set DEEPLAB_DPC_GOLDEN",
)


def needed(test):
    """Marks a test that compares with the original's numbers."""
    return pytest.mark.golden(skipped_without(test))


real_data_needed = pytest.mark.skipif(
    not REAL_DATA.is_dir(), reason=f"no real images at {REAL_DATA}"
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One comparison that a test made."""

    file: str  # Of the golden folder, with its suffix.
    what: str  # Which of its tensors.
    deviation: float  # The largest one found, as the tolerance means it.
    tolerance: float
    test: str  # Its file.


COMPARISONS: list[Comparison] = []


def check(file: str, what: str, deviation: float, tolerance: float) -> None:
    """Fails if a deviation is above its tolerance (or NaN); remembers it."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    deviation = float(deviation)
    COMPARISONS.append(Comparison(file, what, deviation, tolerance, test))
    assert deviation <= tolerance, (
        f"{file}: {what} deviate by {deviation:.3g}; {tolerance:.3g} is allowed"
    )


def check_equal(file: str, what: str, ours, expected) -> None:
    """Fails if two arrays, or names and the like, are not the same."""
    np.testing.assert_array_equal(ours, expected)
    check(file, what, 0.0, 0.0)


def read(file: str):
    """The JSON of one file."""
    return json.loads((FOLDER / file).read_text())


def meta(folder: str) -> dict:
    """The settings of a folder's cases."""
    return read(f"{folder}/meta.json")


def first_model(folder: str):
    """The model of a folder's first case, with its own initial values."""
    return build_model(model_config(folder, meta(folder)["cases"][0]))


def model_folders() -> list[str]:
    """The folders that have a model and its cases."""
    return sorted(path.parent.name for path in FOLDER.glob("*/variables.json"))


def model_config(folder: str, case: dict) -> ModelConfig:
    """The model that one case of a model folder ran."""
    of_folder = meta(folder)
    flags = {**of_folder["flags"], **case.get("flags", {})}
    for name in ("decoder_output_stride", "image_pooling_crop_size"):
        if name in flags:
            flags[name] = tuple(int(n) for n in flags[name])
    return ModelConfig(
        num_classes=of_folder["classes"],
        genotype=DPC_TOP1 if of_folder["dpc_top1"] else None,
        output_stride=case["os"],
        atrous_rates=case["rates"],
        crop_size=case["crop"],
        image_pyramid=case.get("pyramid"),
        **flags,
    )


def arrays(name: str) -> dict[str, np.ndarray]:
    """All arrays of one file, by key."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        return dict(stored)


class Stored(dict):
    """All arrays of one file, by key."""

    def __init__(self, file: str):
        self.file = file
        super().__init__(arrays(file.removesuffix(".npz")))

    def check(self, key: str, what: str, tensor, tolerance: float = 1e-4) -> None:
        """Compares a tensor with the one of this key."""
        check(self.file, what, deviation(self, key, tensor), tolerance)


@functools.lru_cache(maxsize=1)
def weights(folder: str) -> dict[str, np.ndarray]:
    """The recipe's value of each variable of a model folder, by TF1 name."""
    variables = read(f"{folder}/variables.json")
    return {name: recipe_value(name, shape) for name, shape in variables}


def recipe_value(name: str, shape: list[int]) -> np.ndarray:
    """The value that the recipe gives to a variable of this name and shape."""
    normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    scopes = name.split("/")
    last_of_unit = scopes[-3:-2] in (["separable_conv3_pointwise"], ["conv3"])
    value = {
        "weights": lambda: normal * np.sqrt(2.0 / np.prod(shape[:-1])),
        "depthwise_weights": lambda: normal * np.sqrt(1.0 / (shape[0] * shape[1])),
        "gamma": lambda: (1.0 + 0.1 * normal) * (0.25 if last_of_unit else 1.0),
        "beta": lambda: 0.1 * normal,
        "moving_mean": lambda: 0.1 * normal,
        "moving_variance": lambda: np.exp(0.1 * normal),
        "biases": lambda: 0.01 * normal,
    }[scopes[-1]]()
    return value.astype(np.float32)


def fill(layer):
    """The layer or model, each variable with the recipe's value: all of it is alive."""
    for name, variable in variables_by_tf1_name(layer).items():
        variable.assign(recipe_value(name, variable.shape))
    return layer


def pick(n: int, k: int) -> np.ndarray:
    """At most `k` indices of `0..n-1`, evenly spread, both ends included."""
    return np.unique(np.round(np.linspace(0, n - 1, min(n, k))).astype(int))


def deviation(stored: dict[str, np.ndarray], key: str, tensor: np.ndarray) -> float:
    """Largest deviation from the stored samples, over the tensor's largest magnitude.

    Also compares the shape; the tensor's mean, deviation and extremes count, too.
    """
    tensor = np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)
    if key in stored:
        expected = stored[key]
        assert tensor.shape == expected.shape, key
        return float(np.abs(tensor - expected).max() / np.abs(expected).max())
    assert tensor.shape == tuple(stored[f"{key}|shape"]), key
    sample, expected = stored[f"{key}|slice"], stored[f"{key}|stats"]
    at = np.ix_(*(pick(n, k) for n, k in zip(tensor.shape, sample.shape)))
    wide = tensor.astype(np.float64)
    stats = np.array([wide.mean(), wide.std(), wide.min(), wide.max()])
    errors = np.abs(tensor[at] - sample).max(), np.abs(stats - expected).max()
    return float(np.max(errors) / np.abs(expected[2:]).max())  # NaN stays NaN.
