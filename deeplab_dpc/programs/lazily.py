"""Imports that wait until a program uses them.

Flags, help and a wrong flag's message need no TensorFlow, Keras or Optuna, which take
seconds to import. So a program names the modules that do its work in this block:

    with lazily.imported():
        from deeplab_dpc import runs

Such a module is executed when one of its attributes is first used. Import modules
there, never names of theirs, and let annotations be text (`from __future__`).
"""

import contextlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from typing import Any


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what all others find, and has modules of ours loaded lazily."""

    def find_spec(self, name: str, *where: Any) -> ModuleSpec | None:
        if not name.startswith("deeplab_dpc."):
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextlib.contextmanager
def imported() -> Iterator[None]:
    """Modules of this package that are imported within are executed at first use."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class KerasAlone(importlib.abc.MetaPathFinder):
    """Hides scikit-learn from Keras, which imports it, if it is there, for wrappers
    that no program uses: a fifth of what all imports of a training take.
    """

    def find_spec(self, name: str, *where: Any) -> None:
        """Refuses scikit-learn while Keras is being imported; finds nothing."""
        spec = getattr(sys.modules.get("keras"), "__spec__", None)
        if name == "sklearn" and getattr(spec, "_initializing", False):
            raise ModuleNotFoundError("hidden from Keras", name=name)
