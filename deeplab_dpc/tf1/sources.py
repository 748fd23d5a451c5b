"""Files with weights by TF1 name: checkpoints, .npz."""

import io
import os
import pathlib
import zipfile

import numpy as np

from deeplab_dpc.formatting import clipped, some

STEP = "global_step"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_SLOTS = ("Momentum", "Adam", "Adam_1", "RMSProp", "ExponentialMovingAverage")
_NO_WEIGHTS = ("beta1_power", "beta2_power", STEP)

Tensors = dict[str, np.ndarray]


class WeightsError(ValueError):
    """Weights that do not fit the model, or cannot be read."""


def read_weights(source: str | os.PathLike) -> Tensors:
    """Arrays by TF1 name, without optimizer slots and the step counter.

    They are in an .npz or in the TF1 checkpoint of this prefix (its .index file's path
    without the ending); where they cannot be read, a `WeightsError` is raised.
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
    path = os.fspath(source)
    return _read_npz(path) if path.endswith(".npz") else read_checkpoint(path)


def _read_npz(path: str) -> Tensors:
    """Each array's file in the archive, its checksum compared, and their number."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            tensors = {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
            file.seek(-12 - len(archive.comment), os.SEEK_END)
            if len(tensors) != int.from_bytes(file.read(2), "little"):
                raise zipfile.BadZipFile("its directory lacks an array")
    except Exception as e:  # A dozen types, from zlib.error to NotImplementedError.
        raise WeightsError(
            f"{path} cannot be read as an .npz file: {clipped(str(e), 200)}. If it was "
            "downloaded or copied, do that again."
        ) from e
    odd = [n for n, a in tensors.items() if not np.issubdtype(a.dtype, np.number)]
    if odd:
        raise WeightsError(
            f"{path} has {some(odd, 4)} of {tensors[odd[0]].dtype}, which is no number."
        )
    return tensors


def read_checkpoint(prefix: str | os.PathLike) -> Tensors:
    """All tensors of a TF1 checkpoint, by name, or a `WeightsError`."""
    import tensorflow as tf

    path = pathlib.Path(prefix)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        names = sorted(reader.get_variable_to_shape_map())
        if _OBJECT_GRAPH not in names:
            return {name: reader.get_tensor(name) for name in names}
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as e:
        raise WeightsError(
            f"{prefix} is not a readable TF1 checkpoint: {e}. Give the prefix of the "
            ".index and .data files, such as .../model.ckpt-90000. "
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
