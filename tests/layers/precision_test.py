"""Numbers of layers: what they compute with, and what is said of the processor."""

import keras
import numpy as np
import pytest

from deeplab_dpc.layers import precision


def test_layers_compute_in_bfloat16_and_keep_float32():
    """1 + 2^-9 is 1 in bfloat16, which keeps 8 bits; the policy of before is back."""
    before = keras.config.dtype_policy().name
    with precision.predicting("bfloat16"):
        layer = keras.layers.Dense(1, kernel_initializer="ones")
    assert keras.config.dtype_policy().name == before
    y = layer(np.full((1, 1), 1 + 2**-9, "float32"))
    assert (
        keras.backend.standardize_dtype(y.dtype) == "bfloat16" and float(y[0, 0]) == 1
    )
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == "float32"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("model name : A\nflags : fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("flags\t\t: fpu avx512f avx512_vnni\n", False),
        ("Features : fp asimd\n", True),  # It does not say.
    ],
)
def test_a_processor_says_whether_it_computes_bfloat16(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    assert precision.computes_bfloat16(str(tmp_path / "cpuinfo")) == expected
    assert precision.computes_bfloat16(str(tmp_path / "none"))


@pytest.mark.parametrize("has_it", [True, False])
def test_a_processor_that_emulates_is_told_in_a_line(monkeypatch, caplog, has_it):
    monkeypatch.setattr(precision, "computes_bfloat16", lambda: has_it)
    for name in ("float32", "bfloat16"):
        with precision.predicting(name):
            pass
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (not has_it)
    assert has_it or "slower than float32" in said[0]
