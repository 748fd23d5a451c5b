r"""What the kernels behind our layers save, as ratios inside one run.

python benchmarks/layer_kernels.py

Each case compares what the layers run with the portable or obvious way to compute the
same: forward, and forward with gradient.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from collections.abc import Callable  # noqa: E402
from unittest import mock  # noqa: E402

import measuring  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import ops  # noqa: E402

from deeplab_dpc.layers import grid_pooling, kernels  # noqa: E402

NAME = "layer_kernels"


def main() -> None:
    """Runs all cases and writes `results/layer_kernels.csv`."""
    rows = [*batch_norm(), *resize(), *pooling()]
    measuring.write(NAME, rows)


def batch_norm() -> list[dict[str, object]]:
    """The fused kernel against moments and arithmetic, at a decoder's size."""
    x = tf.random.normal((8, 65, 65, 256))
    ones = tf.ones((256,))

    def train(x):
        return kernels.normalize_batch(x, ones, ones, 1e-5)[0]

    def infer(x):
        return kernels.normalize(x, ones, ones, (ones, ones), 1e-5)

    return [
        *_compare("batch norm, training", train, x),
        *_compare("batch norm, inference", infer, x),
    ]


def resize() -> list[dict[str, object]]:
    """TensorFlow's resize against gather and interpolation, logits to labels."""
    x = tf.random.normal((8, 65, 65, 19))
    return _compare(
        "align-corners resize, 65 to 257",
        lambda x: kernels.resize_align_corners(x, 257, 257),
        x,
    )


def pooling() -> list[dict[str, object]]:
    """Sliding averages as matrix products against the pooling kernel."""
    x = tf.random.normal((1, 65, 129, 320))
    rows = []
    for window in ((5, 9), (33, 65), (65, 129)):
        ours = _traced(
            lambda x, w=window: grid_pooling.sliding_average(x, w, (1, 1)), x
        )
        kernel = _traced(lambda x, w=window: ops.average_pool(x, w, 1, "valid"), x)
        rows += measuring.compare(
            NAME,
            f"sliding average, window {window[0]}x{window[1]}",
            {"matrix products (ours)": ours, "pooling kernel": kernel},
        )
    return rows


def _compare(case: str, compute: Callable, x: tf.Tensor) -> list[dict[str, object]]:
    rows = []
    for suffix, wrap in (("", lambda f: f), (", with gradient", _with_gradient)):
        ours = _traced(wrap(compute), x)
        with mock.patch.object(kernels, "uses_tensorflow", lambda: False):
            portable = _traced(wrap(compute), x)
            portable()
        pair = {"TensorFlow kernel (ours)": ours, "keras.ops": portable}
        rows += measuring.compare(NAME, case + suffix, pair)
    return rows


def _with_gradient(compute: Callable) -> Callable:
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.l2_loss(compute(x))
        return tape.gradient(y, x)

    return both


def _traced(compute: Callable, x: tf.Tensor) -> Callable[[], object]:
    """`compute(x)` as a graph whose result is small; traced at once."""
    graph = tf.function(lambda x: tf.reduce_max(compute(x)))
    graph(x)
    return lambda: graph(x).numpy()


if __name__ == "__main__":
    main()
