"""Published weights by name: which there are, and their files, downloaded once.

>>> entry = find("xception71_dpc_cityscapes_trainfine")
>>> entry.file, entry.num_classes
('deeplab_cityscapes_xception71_trainfine_2018_09_08.tar.gz', 19)
>>> entry.model_config().decoder_output_stride
(4,)
>>> find("imagenet", "xception_41").name
'xception_41_imagenet'
"""

import difflib
import os
import pathlib

from deeplab_dpc.weights import cache
from deeplab_dpc.weights.cache import DownloadError
from deeplab_dpc.weights.published import PUBLISHED, WeightsEntry

__all__ = [
    "IMAGENET",
    "PUBLISHED",
    "DownloadError",
    "UnknownNameError",
    "WeightsEntry",
    "absolute",
    "find",
    "hint",
    "is_name",
    "path",
]

IMAGENET = "imagenet"
"""Stands for the ImageNet weights of whichever backbone a model has."""
_BY_NAME = {name: entry for entry in PUBLISHED for name in (entry.name, *entry.also)}


class UnknownNameError(ValueError):
    """A name that no published weights have."""


def is_name(what: str | os.PathLike[str]) -> bool:
    """Whether this is a name; a file that is called the same is `./NAME`."""
    return os.fspath(what) in (IMAGENET, *_BY_NAME)


def find(name: str, model_variant: str | None = None) -> WeightsEntry:
    """The weights of this name; of `imagenet` those that fit the backbone.

    `UnknownNameError` if there are none, and for another backbone than `model_variant`.
    """
    if name == IMAGENET and model_variant is None:
        fitting = [n for n in _BY_NAME if n.endswith(f"_{IMAGENET}")]
        raise UnknownNameError(
            f"{IMAGENET} means the weights that fit a model's backbone, and here is no "
            f"model; give one of {', '.join(fitting)}."
        )
    entry = _BY_NAME.get(f"{model_variant}_{name}" if name == IMAGENET else name)
    if entry is None:
        raise UnknownNameError(f"There are no weights {name!r}. {hint(name)}")
    found = entry.settings["model_variant"]
    if model_variant not in (None, found):
        raise UnknownNameError(
            f"The weights {name} are of {found}, but the model has {model_variant}; "
            f"pass --model_variant={found}, or give {IMAGENET}."
        )
    return entry


def hint(name: str) -> str:
    """The names that are most like this one, and the command that lists all."""
    names = (IMAGENET, *_BY_NAME)
    near = difflib.get_close_matches(name[:100], names, n=3, cutoff=0.7)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}`deeplab-dpc weights list` tells all names."


def path(name: str, model_variant: str | None = None) -> pathlib.Path:
    """The file of these weights, downloaded if it is not in the cache.

    `tf1.archives.opened` reads it. `DownloadError` if it cannot be had, or is not the
    one that was first downloaded; `UnknownNameError` as `find` raises it.
    """
    return cache.fetched(find(name, model_variant))


def absolute(what: str | os.PathLike[str]) -> str:
    """A name as it is, and anything else as an absolute path."""
    return os.fspath(what) if is_name(what) else os.path.abspath(what)
