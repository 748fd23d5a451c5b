r"""What this machine can do at most: matrix products in float32 and bfloat16, copies.

python benchmarks/roofline.py

A product of n x n matrices is 2 n^3 operations; a copy reads and writes each byte.
Rates are of processor time, so of one core, whatever else the machine does.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

NAME, N, COPIED, ROUNDS = "roofline", 2048, 2**28, 10
FIELDS = ("benchmark", "alternative", "per_core_s", "unit")
FIELDS += measuring.ALTERNATED[1:]


def main() -> None:
    """Measures all in turn; writes the rows."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    product = tf.function(lambda a: tf.reduce_max(tf.matmul(a, a)))
    wide = tf.random.normal((N, N))
    near = tf.cast(wide, tf.bfloat16)
    source, target = np.ones(COPIED, "uint8"), np.zeros(COPIED, "uint8")
    runs = {
        "float32 product": lambda: product(wide).numpy(),
        "bfloat16 product": lambda: product(near).numpy(),
        "copy": lambda: np.copyto(target, source),
    }
    rows = measuring.alternate(runs, ROUNDS)
    for row in rows:
        is_copy = row["alternative"] == "copy"
        done, row["unit"] = (2 * COPIED, "GB") if is_copy else (2 * N**3, "GFLOP")
        row["per_core_s"] = f"{done / 1e6 / float(str(row['cpu_ms'])):.0f}"
        row["benchmark"] = NAME
        print("{alternative:18s} {per_core_s:>6} {unit}/s of a core".format(**row))
    measuring.write(NAME, rows, FIELDS)


if __name__ == "__main__":
    main()
