"""What archives of the original's model zoo hold: checkpoints and frozen graphs."""

import pathlib
import random
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from deeplab_dpc import WeightsError


def write(
    prefix: pathlib.Path, weights: Mapping[str, np.ndarray], slots: bool = False
) -> str:
    """A TF1 checkpoint of these arrays; `slots`: with a step and Momentum, too."""
    tensors = dict(weights)
    if slots:
        tensors["global_step"] = np.int64(7)
        name = next(n for n in weights if n.endswith("/weights"))
        tensors[f"{name}/Momentum"] = np.zeros_like(weights[name])
    prefix.parent.mkdir(parents=True, exist_ok=True)
    whole = [""] * len(tensors)
    tf.raw_ops.SaveV2(  # The op that TF1's Saver runs.
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=whole,
        tensors=list(tensors.values()),
    )
    return str(prefix)


def freeze(path: pathlib.Path, weights: Mapping[str, np.ndarray]) -> str:
    """A graph whose variables TF1 has turned into constants, as the original exports."""
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session() as session:
        variables = [
            v1.get_variable(name, initializer=value, use_resource=False)
            for name, value in weights.items()
        ]
        total = tf.add_n(
            [tf.reduce_sum(v) for v in variables], name="SemanticPredictions"
        )
        session.run(v1.global_variables_initializer())
        frozen = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [total.op.name]
        )
    path.write_bytes(frozen.SerializeToString())
    return str(path)


def damaged(path: pathlib.Path, read: Callable, trials: int) -> Iterator:
    """What is read of the file with a bit flipped, or cut, where it is not refused."""
    rng, whole = random.Random(0), path.read_bytes()
    for _ in range(trials):
        content, at = bytearray(whole), rng.randrange(len(whole))
        content[at] ^= 1 << rng.randrange(8)
        path.write_bytes(content[:at] if rng.random() < 0.3 else content)
        try:
            yield read(path)
        except WeightsError as e:
            assert str(path) in str(e) and len(str(e)) < 600
