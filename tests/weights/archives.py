"""Archives as the model zoo has them, made of arrays by TF1 name."""

import io
import pathlib
import tarfile
from collections.abc import Mapping

import numpy as np

from tests.tf1 import zoo


def of_arrays(folder: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> bytes:
    """A folder with a checkpoint of these arrays, packed."""
    inner = folder / "deeplabv3_model"
    zoo.write(inner / "model.ckpt", arrays)
    return packed({f"{inner.name}/{p.name}": p.read_bytes() for p in inner.iterdir()})


def packed(contents: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of these files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()
