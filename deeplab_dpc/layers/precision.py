"""Which numbers layers compute with."""

import contextlib
import pathlib
from collections.abc import Iterator

import keras
from absl import logging

from deeplab_dpc.layers import kernels

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers that are made meanwhile compute with these numbers."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def predicting(precision: str) -> Iterator[None]:
    """A model that is made meanwhile predicts with `EvalConfig.precision`'s numbers.

    Variables and logits are float32 with either. Fold the batch norms (`Folded`): they
    cost more in bfloat16. A line says so if the processor has to emulate it.

    >>> with predicting("bfloat16"):
    ...     layer = keras.layers.Dense(1)
    >>> layer.compute_dtype, layer.variable_dtype
    ('bfloat16', 'float32')
    """
    if precision == "bfloat16" and not computes_bfloat16():
        logging.warning(
            "This processor has no instructions for bfloat16 (avx512_bf16, amx_bf16): "
            "it emulates them, slower than float32."
        )
    with dtype_policy(_POLICIES[precision]):
        yield


def computes_bfloat16(cpu_info: str = "/proc/cpuinfo") -> bool:
    """Whether the processor, or a GPU, multiplies bfloat16 by itself; True where a
    machine does not say.
    """
    if kernels.sees_gpu():
        return True
    try:
        text = pathlib.Path(cpu_info).read_text()
    except OSError:
        return True
    flags = next((s for s in text.splitlines() if s.startswith("flags")), "")
    return not flags or bool({"avx512_bf16", "amx_bf16"} & set(flags.split()))
