"""The original's numbers: where they lie, how variables were filled, how to compare.

The folder is `../shared/golden` beside the checkout, or what DEEPLAB_DPC_GOLDEN names.
Without it the tests that need it are skipped and `tests/small_goldens` remains.
"""

import functools
import json
import os
import pathlib
import zlib

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = pathlib.Path(
    os.environ.get("DEEPLAB_DPC_GOLDEN", ROOT.parent / "shared" / "golden")
)
REAL_DATA = FOLDER.parent / "data"

needed = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"the original's numbers are not at {FOLDER}; set DEEPLAB_DPC_GOLDEN",
)
real_data_needed = pytest.mark.skipif(
    not REAL_DATA.is_dir(), reason=f"no real images at {REAL_DATA}"
)


def meta(folder: str) -> dict:
    """The settings of a folder's cases."""
    return json.loads((FOLDER / folder / "meta.json").read_text())


def arrays(name: str) -> dict[str, np.ndarray]:
    """All arrays of one file, by key."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        return dict(stored)


@functools.lru_cache(maxsize=1)
def weights(folder: str) -> dict[str, np.ndarray]:
    """The recipe's value of each variable of a model folder, by TF1 name."""
    variables = json.loads((FOLDER / folder / "variables.json").read_text())
    return {name: recipe_value(name, shape) for name, shape in variables}


def recipe_value(name: str, shape: list[int]) -> np.ndarray:
    """The value that the recipe gives to a variable of this name and shape."""
    normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    scopes = name.split("/")
    kind = scopes[-1]
    if kind == "weights":
        value = normal * np.sqrt(2.0 / np.prod(shape[:-1]))
    elif kind == "depthwise_weights":
        value = normal * np.sqrt(1.0 / (shape[0] * shape[1]))
    elif kind == "gamma":
        value = 1.0 + 0.1 * normal
        if scopes[-3] in ("separable_conv3_pointwise", "conv3"):
            value *= 0.25
    elif kind in ("beta", "moving_mean"):
        value = 0.1 * normal
    elif kind == "moving_variance":
        value = np.exp(0.1 * normal)
    elif kind == "biases":
        value = 0.01 * normal
    else:
        raise ValueError(name)
    return value.astype(np.float32)


def pick(n: int, k: int) -> np.ndarray:
    """At most `k` indices of `0..n-1`, evenly spread, both ends included."""
    return np.unique(np.round(np.linspace(0, n - 1, min(n, k))).astype(int))


def deviation(stored: dict[str, np.ndarray], key: str, tensor: np.ndarray) -> float:
    """Largest deviation from the stored samples, over the tensor's largest magnitude.

    Also compares the shape; the tensor's mean, deviation and extremes count, too.
    """
    tensor = np.asarray(tensor, np.float32)
    if key in stored:
        expected = stored[key]
        assert tensor.shape == expected.shape, key
        return float(np.abs(tensor - expected).max() / np.abs(expected).max())
    assert tensor.shape == tuple(stored[f"{key}|shape"]), key
    sample = stored[f"{key}|slice"]
    at = np.ix_(*(pick(n, k) for n, k in zip(tensor.shape, sample.shape)))
    mean, std, low, high = stored[f"{key}|stats"]
    largest = max(abs(low), abs(high))
    wide = tensor.astype(np.float64)
    stats = np.array([wide.mean(), wide.std(), wide.min(), wide.max()])
    errors = [
        np.abs(tensor[at] - sample).max(),
        np.abs(stats - (mean, std, low, high)).max(),
    ]
    return float(max(errors) / largest)
