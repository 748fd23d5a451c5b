"""Files with weights by TF1 name: checkpoints, frozen graphs, .npz, Keras's."""

import contextlib
import io
import math
import os
import pathlib
import warnings
import zipfile
from collections.abc import Callable, Iterator

import numpy as np

from deeplab_dpc import files
from deeplab_dpc.formatting import clipped, some

STEP = "global_step"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_SLOTS = ("Momentum", "Adam", "Adam_1", "RMSProp", "ExponentialMovingAverage")
_NO_WEIGHTS = ("beta1_power", "beta2_power", STEP)

_BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_KINDS = ("weights", "depthwise_weights", "biases", *_BATCH_NORM)

Tensors = dict[str, np.ndarray]


class WeightsError(ValueError):
    """Weights that do not fit the model, or cannot be read."""


def read_weights(source: str | os.PathLike) -> Tensors:
    """Arrays by TF1 name, without optimizer slots and the step counter.

    They are in an .npz, a frozen graph (.pb), Keras's weights of its own MobileNet-v2
    (.h5) or the TF1 checkpoint of this prefix (its .index file's path without the
    ending); where they cannot be read, a `WeightsError` is raised.
    """
    return without_slots(read_tensors(source))


def without_slots(tensors: Tensors) -> Tensors:
    """The weights among a training's tensors."""
    return {
        name: array
        for name, array in tensors.items()
        if name.split("/")[-1] not in (*_SLOTS, STEP) and name not in _NO_WEIGHTS
    }


def read_tensors(source: str | os.PathLike) -> Tensors:
    """All arrays of what `read_weights` reads."""
    path = os.fspath(files.local(source))
    return (reader(path) or read_checkpoint)(path)


@contextlib.contextmanager
def _reading(path: str, kind: str) -> Iterator[None]:
    """Whatever damage raises is a `WeightsError`: it has a dozen types, from
    `zlib.error` to `NotImplementedError`.
    """
    try:
        yield
    except WeightsError:
        raise
    except Exception as e:
        raise WeightsError(
            f"{path} cannot be read as {kind}: {clipped(str(e), 200)}. If it was "
            "downloaded or copied, do that again."
        ) from e


def check_unpacked(path: str | os.PathLike, num_bytes: int) -> None:
    """Refuses what unpacks to far more than its file: weights hardly compress."""
    size = os.path.getsize(path)
    most = 2**26 + 20 * size
    if num_bytes > most:
        raise WeightsError(
            f"{path} has {size:,} bytes and unpacks to over {most:,}, which weights do "
            "not. Download it again, or give a folder that you have unpacked yourself."
        )


def _read_npz(path: str) -> Tensors:
    """Each array's file in the archive, its checksum compared, and their number."""
    with (
        _reading(path, "an .npz file"),
        open(path, "rb") as file,
        zipfile.ZipFile(file) as archive,
    ):
        check_unpacked(path, sum(info.file_size for info in archive.infolist()))
        tensors = {
            name.removesuffix(".npy"): np.lib.format.read_array(
                io.BytesIO(archive.read(name)), allow_pickle=False
            )
            for name in archive.namelist()
        }
        file.seek(-12 - len(archive.comment), os.SEEK_END)
        if len(tensors) != int.from_bytes(file.read(2), "little"):
            raise zipfile.BadZipFile("its directory lacks an array")
    odd = [n for n, a in tensors.items() if a.dtype.kind not in "fiu"]
    if odd:
        raise WeightsError(
            f"{path} has {some(odd, 4)} of {tensors[odd[0]].dtype}, which is no real "
            "number."
        )
    return tensors


def _read_graph(path: str) -> Tensors:
    """The constants of a frozen graph that are called as variables are."""
    import tensorflow as tf

    with _reading(path, "a frozen graph"):
        graph = tf.compat.v1.GraphDef.FromString(pathlib.Path(path).read_bytes())
        values = {
            node.name: node.attr["value"].tensor
            for node in graph.node
            if node.op == "Const" and node.name.split("/")[-1] in _KINDS
        }
        shapes = ([dim.size for dim in v.tensor_shape.dim] for v in values.values())
        check_unpacked(path, 4 * sum(map(math.prod, shapes)))
        for name, value in values.items():
            if not value.tensor_content and not value.float_val:
                raise ValueError(f"{clipped(name)} has no values")
        tensors = {name: tf.make_ndarray(value) for name, value in values.items()}
    quantized = [node.op for node in graph.node if "quant" in node.op.lower()]
    if quantized:
        raise WeightsError(
            f"{path} is quantized: of its {len(graph.node):,} nodes {len(quantized)} "
            f"are such as {clipped(quantized[0])}. Take the archive of the model in "
            "floats (without _8bit or _quant in its name)."
        )
    if not tensors:
        raise WeightsError(
            f"{path} is no frozen graph of the original: of its {len(graph.node):,} "
            "nodes none is a constant with the name of a variable, such as "
            "logits/semantic/weights."
        )
    odd = [name for name, array in tensors.items() if array.dtype != np.float32]
    if odd:
        raise WeightsError(
            f"{path} has {some(odd, 4)} of {tensors[odd[0]].dtype}, but a weight is "
            "float32."
        )
    if not any(name.endswith("/moving_variance") for name in tensors):
        raise WeightsError(
            f"{path} has {len(tensors)} constants with names of variables, but none of "
            "a batch norm (moving_variance): they are folded into the kernels. Take "
            "the archive's checkpoint (model.ckpt), or the graph before folding."
        )
    return tensors


def _read_keras(path: str) -> Tensors:
    """The weights of Keras's own MobileNetV2."""
    from deeplab_dpc.tf1 import keras_mobilenet

    kind = "weights of keras.applications.MobileNetV2 without its top"
    with _reading(path, kind), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of each layer that another model lacks.
        return keras_mobilenet.read(path)


def read_checkpoint(prefix: str) -> Tensors:
    """All tensors of a TF1 checkpoint, by name, or a `WeightsError`."""
    from deeplab_dpc import checkpoint_files  # Late: it needs TensorFlow.

    path = pathlib.Path(prefix)
    try:
        names = checkpoint_files.keys(prefix)
        if _OBJECT_GRAPH not in names:
            return checkpoint_files.read(prefix)
    except checkpoint_files.CheckpointError as e:
        raise WeightsError(
            f"{prefix} is not a readable TF1 checkpoint: {e.__cause__}. Give the "
            "prefix of the .index and .data files, such as .../model.ckpt-90000. "
            f"{_files_beside(path)}"
        ) from e
    raise WeightsError(
        f"{prefix} is a TF2 object checkpoint (its keys are such as {names[-1]}), "
        "not a TF1 one with tensors by variable name. If train.py wrote it, give "
        f"the run folder itself: {path.parent}."
    )


def _files_beside(path: pathlib.Path) -> str:
    """The files that begin as a prefix does, with their sizes, for a message."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent}."
    found = sorted(f for f in path.parent.iterdir() if f.name.startswith(path.name))
    sizes = [f"{f.name} ({f.stat().st_size:,} bytes)" for f in found]
    return f"Found: {', '.join(sizes) or 'no file of this name'}."


_READERS = {".npz": _read_npz, ".pb": _read_graph, ".h5": _read_keras}


def reader(path: str | os.PathLike) -> Callable[[str], Tensors] | None:
    """What reads a file of this ending, in capitals, too; `None`: by its name it is the
    prefix of a checkpoint.
    """
    return _READERS.get(os.path.splitext(path)[1].lower())
