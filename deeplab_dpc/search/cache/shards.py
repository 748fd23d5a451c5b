"""The files of a cache's shards: opened, and what is in them."""

import os
import pathlib

import numpy as np

from deeplab_dpc.data.dataset_info import DatasetInfo

AGAIN = "Write the cache again by the same command; it makes what lacks or is damaged."


class CacheError(ValueError):
    """A cache that is missing, incomplete, damaged, or not what was asked for."""


def opened(path: pathlib.Path, shape: tuple[int, ...], dtype: type) -> np.memmap:
    """A file, not read yet; `CacheError` if it has another shape or type of numbers."""
    try:
        found = np.load(path, mmap_mode="r")
        if (found.shape, found.dtype) == (shape, dtype):
            return found
        wrong = f"has the shape {found.shape} instead of {shape}"
        if found.shape == shape:
            wrong = f"has numbers of {found.dtype}, not {np.dtype(dtype)}"
    except (OSError, ValueError) as e:
        wrong = f"cannot be read: {e}"
    raise CacheError(f"{path} {wrong}. {AGAIN}")


def check_size(found: np.memmap) -> None:
    """Fails for a file that was cut: to read a map beyond the end of its file kills the
    process.
    """
    path = str(found.filename)
    if os.path.exists(path) and os.path.getsize(path) < found.offset + found.nbytes:
        raise CacheError(f"{path} was cut. {AGAIN}")


def check_content(found: np.memmap, info: DatasetInfo) -> None:
    """Fails for features that are not finite, and labels that are neither a class nor
    ignored: they were written so, whatever their checksum.
    """
    check_size(found)
    for view in found:
        wrong = []
        if found.dtype != np.uint8 and not np.isfinite(view).all():
            wrong = ["features that are not finite"]
        elif found.dtype == np.uint8:
            odd = view[(view >= info.num_classes) & (view != info.ignore_label)]
            wrong = [f"labels that are no class, such as {n}" for n in odd[:1]]
        if wrong:
            raise CacheError(f"{found.filename} has {wrong[0]}. {AGAIN}")
