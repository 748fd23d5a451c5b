import zipfile

import numpy as np
import pytest
import tensorflow as tf

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
        (np.array(["x"]), "has logits/x of <U1, which is no real"),
        (np.zeros(3, "V2"), "has logits/x of .V2, which is no real"),
        (np.zeros(3, "c8"), "has logits/x of complex64, which is no real"),
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


def test_an_npz_that_unpacks_to_far_more_is_refused(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez_compressed(path, **{"logits/x": np.zeros(20_000_000, "f4")})
    with pytest.raises(WeightsError, match="bytes and unpacks to over [0-9,]+, which"):
        read_weights(path)


def test_damaged_npz_give_words_or_the_truth(npz):
    """Most damage is found, none is loaded."""
    trials, read = nightly.of(300, 5000), 0
    for found in zoo.damaged(npz, read_weights, trials):
        read += 1
        assert found.keys() == ARRAYS.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, ARRAYS[name])
    assert read < trials / 4


NORM = {
    f"MobilenetV2/Conv/BatchNorm/{n}": RNG.random(5, "f4")
    for n in ("gamma", "beta", "moving_mean", "moving_variance")
}


def test_damaged_graphs_give_words_or_other_names_or_one_other_number(tmp_path):
    """A graph has no checksum: a flipped bit of a number cannot be told from another
    number. A name too few or too many is for `load_tf1_weights`, which refuses it.
    """
    truth = ARRAYS | NORM
    path = tmp_path / "graph.pb"
    zoo.freeze(path, truth)
    for found in zoo.damaged(path, read_weights, nightly.of(200, 2000)):
        assert len(found.keys() ^ truth.keys()) <= 2
        both = found.keys() & truth.keys()
        assert all(found[n].shape == truth[n].shape for n in both)
        assert all(found[n].dtype == np.float32 for n in both)
        assert sum(np.sum(found[n] != truth[n]) for n in both) <= 1


@pytest.mark.parametrize("name", ["graph.pb", "GRAPH.PB"])
def test_a_frozen_graphs_constants_are_its_weights(tmp_path, name):
    found = read_weights(zoo.freeze(tmp_path / name, ARRAYS | NORM))
    assert found.keys() == (ARRAYS | NORM).keys()
    for name, value in (ARRAYS | NORM).items():
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


def edited(path, edit):
    """A frozen graph, after `edit` changed it."""
    zoo.freeze(path, ARRAYS | NORM)
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    edit(graph)
    path.write_bytes(graph.SerializeToString())
    return path


@pytest.mark.parametrize("op", ["Dequantize", "FakeQuantWithMinMaxVars"])
def test_a_quantized_graph_is_refused(tmp_path, op):
    path = edited(tmp_path / "graph.pb", lambda g: g.node.add(name="x", op=op))
    words = f"is quantized: of its .* nodes 1 are such as {op}. Take the archive"
    with pytest.raises(WeightsError, match=words):
        read_weights(path)


def test_a_graphs_constants_are_floats_of_a_size_that_can_be(tmp_path):
    def change(graph, dtype=None, size=None):
        node = next(n for n in graph.node if n.name.endswith("gamma"))
        tensor = node.attr["value"].tensor
        tensor.dtype = dtype or tensor.dtype
        tensor.tensor_shape.dim[0].size = size or tensor.tensor_shape.dim[0].size

    path = tmp_path / "graph.pb"
    with pytest.raises(WeightsError, match="gamma of int32, but a weight is float32"):
        read_weights(edited(path, lambda g: change(g, dtype=tf.int32.as_datatype_enum)))
    with pytest.raises(WeightsError, match="unpacks to over"):
        read_weights(edited(path, lambda g: change(g, size=2**40)))
