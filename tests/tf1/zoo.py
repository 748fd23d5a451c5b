"""TF1 checkpoints as the original's model zoo has them, filled by the recipe."""

import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf


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
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        placeholders = {
            n: tf.compat.v1.placeholder(v.dtype, v.shape) for n, v in tensors.items()
        }
        variables = [
            tf.compat.v1.get_variable(n, initializer=p, use_resource=False)
            for n, p in placeholders.items()
        ]
        feeds = {p: tensors[n] for n, p in placeholders.items()}
        session.run([v.initializer for v in variables], feeds)
        saver = tf.compat.v1.train.Saver(variables)
        return saver.save(
            session, str(prefix), write_meta_graph=False, write_state=False
        )
