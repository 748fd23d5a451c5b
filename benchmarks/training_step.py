r"""What a training step takes, and what its parts were before they were changed.

python benchmarks/training_step.py

MobileNet-v2 with the published cell, 4 crops of 321x321 from memory, one thread. The
first alternative is the step as it was before the changes below it.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import tensorflow as tf  # noqa: E402
import training_levers  # noqa: E402

from deeplab_dpc.layers import kernels  # noqa: E402
from deeplab_dpc.training import upsampled  # noqa: E402

NAME, CROP, BATCH, ROUNDS = "training_step", 321, 4, 9
BEFORE = (
    (upsampled, "can", lambda logits, labels: False),
    (kernels, "has_slow_depthwise_gradient", lambda dtype: False),
)
"""What the changes replaced, in their order."""
CHANGES = {"before": 0, "loss by products": 1, "depthwise in float32": 2}
FIELDS = ("benchmark", "precision", *measuring.ALTERNATED)


def main() -> None:
    """Measures both precisions; writes the rows."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rows = []
    for precision in ("float32", "mixed_bfloat16"):
        steps = {name: _step(precision, kept) for name, kept in CHANGES.items()}
        rows += [
            {"benchmark": NAME, "precision": precision, **row}
            for row in measuring.alternate(steps, ROUNDS)
        ]
    for row in rows:
        print(
            "{precision:15s} {alternative:24s} {wall_ms:>8} ms, {cpu_ms:>8} ms of "
            "processor time, {cpu_ratio} x".format(**row)
        )
    measuring.write(NAME, rows, FIELDS)


def _step(precision: str, changes: int) -> Callable[[], object]:
    """A step with so many of the changes, traced."""
    with contextlib.ExitStack() as stack:
        for change in BEFORE[changes:]:
            stack.enter_context(mock.patch.object(*change))
        step = training_levers.training(1, BATCH, CROP, precision=precision)
        step()
    return step


if __name__ == "__main__":
    main()
