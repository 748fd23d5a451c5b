import random
import zipfile

import numpy as np
import pytest

from deeplab_dpc import WeightsError
from deeplab_dpc.tf1.sources import read_weights
from tests import nightly
from tests.tf1 import zoo

RNG = np.random.default_rng(0)
ARRAYS = {
    f"MobilenetV2/Conv_{i}/weights": RNG.standard_normal((3, 3, 4, i)).astype("f4")
    for i in range(1, 5)
}


@pytest.fixture(params=[np.savez, np.savez_compressed])
def npz(request, tmp_path):
    path = tmp_path / "weights.npz"
    request.param(path, **ARRAYS)
    return path


def test_what_is_no_npz_is_refused(tmp_path):
    path = tmp_path / "weights.npz"
    np.save(tmp_path / "array.npy", ARRAYS["MobilenetV2/Conv_1/weights"])
    for content in (b"", b"no zip", (tmp_path / "array.npy").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="weights.npz cannot be read as an .npz"):
            read_weights(path)
    with pytest.raises(WeightsError, match="nothing.npz cannot be read.*No such file"):
        read_weights(tmp_path / "nothing.npz")


@pytest.mark.parametrize(
    "value, words",
    [
        (np.array([{"a": 1}], object), "cannot be read.*Object arrays"),
        (np.array(["x"]), "has logits/x of <U1, which is no number"),
        (np.zeros(3, "V2"), "has logits/x of .V2, which is no number"),
    ],
)
def test_what_is_no_number_is_refused(tmp_path, value, words):
    np.savez(tmp_path / "weights.npz", **ARRAYS, **{"logits/x": value})
    with pytest.raises(WeightsError, match=words):
        read_weights(tmp_path / "weights.npz")


def test_weights_zlib_error(tmp_path):
    """A compressed array whose stream is broken in the middle."""
    path = tmp_path / "weights.npz"
    np.savez_compressed(path, **ARRAYS)
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
    content = bytearray(path.read_bytes())
    at = first.header_offset + 30 + len(first.filename) + 20  # An extra of zip64.
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as an .npz file: Error -3"):
        read_weights(path)


def test_a_shape_that_lies_is_no_weight(tmp_path):
    """A header that asks for fewer numbers than follow: only the checksum tells."""
    path = tmp_path / "weights.npz"
    np.savez(path, **ARRAYS)
    path.write_bytes(path.read_bytes().replace(b"(3, 3, 4, 2)", b"(3, 3, 3, 2)"))
    with pytest.raises(WeightsError, match="Bad CRC-32"):
        read_weights(path)


def test_damaged_npz_give_words_or_the_truth(npz):
    """A bit flipped, or the file cut; most damage is found, none is loaded."""
    rng, whole, read = random.Random(0), npz.read_bytes(), 0
    for _ in range(nightly.of(300, 5000)):
        content, at = bytearray(whole), rng.randrange(len(whole))
        content[at] ^= 1 << rng.randrange(8)
        npz.write_bytes(content[:at] if rng.random() < 0.3 else content)
        try:
            found = read_weights(npz)
        except WeightsError as e:
            assert len(str(e)) < 600
            continue
        read += 1
        assert found.keys() == ARRAYS.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, ARRAYS[name])
    assert read < nightly.of(300, 5000) / 4


def test_a_frozen_graphs_constants_are_its_weights(tmp_path):
    norm = {
        f"MobilenetV2/Conv/BatchNorm/{n}": RNG.random(5, "f4")
        for n in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    found = read_weights(zoo.freeze(tmp_path / "graph.pb", ARRAYS | norm))
    assert found.keys() == (ARRAYS | norm).keys()
    for name, value in (ARRAYS | norm).items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(
    "weights, words",
    [
        (ARRAYS, "has 4 constants.*none of a batch norm .* folded into the kernels"),
        ({"w": np.ones(3, "f4")}, "no frozen graph of the original: of its .* nodes"),
        (None, "cannot be read as a frozen graph: Error parsing"),
    ],
)
def test_a_graph_that_lacks_something_is_refused(tmp_path, weights, words):
    path = tmp_path / "graph.pb"
    path.write_bytes(b"no graph at all")
    if weights:
        zoo.freeze(path, weights)
    with pytest.raises(WeightsError, match=words):
        read_weights(path)
