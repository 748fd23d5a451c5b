"""Dense prediction cells for semantic image segmentation, on TensorFlow and Keras 3.

Chen et al., "Searching for Efficient Multi-Scale Architectures for Dense Image
Prediction", NeurIPS 2018, arXiv:1809.04184.

The names of `__init__.pyi` are imported when they are first used: genotypes and
settings need no TensorFlow, and a program can say what TensorFlow may print before it
starts. Once Keras is imported, before or after this package, it knows our layers in
Keras files.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from deeplab_dpc.public import names_of

__getattr__, __dir__, __all__ = names_of(__name__, __file__)


class _Registration:
    """Imports the model's module as soon as Keras is there, whoever imports it.

    It stands before Python's own finders and waits for the outermost import of Keras
    or of a module of ours to end: no module of ours is half imported then.
    """

    def __init__(self):
        self.depth = 0

    def find_spec(self, name: str, *where: Any) -> ModuleSpec | None:
        """What Python's own finders find, its loading counted."""
        if name != "keras" and not name.startswith(f"{__name__}."):
            return None
        finders = [finder for finder in sys.meta_path if finder is not self]
        found = (finder.find_spec(name, *where) for finder in finders)
        spec = next(filter(None, found), None)
        if spec and spec.loader:
            load = spec.loader.exec_module
            vars(spec.loader)["exec_module"] = lambda module: self.load(load, module)
        return spec

    def load(self, load: Any, module: ModuleType) -> None:
        """Loads a module; at the end of the outermost one all layers are registered."""
        self.depth += 1
        try:
            load(module)
        finally:
            self.depth -= 1
        self.register()

    def register(self) -> None:
        """Imports the model's module, once, if this is the time."""
        if not self.depth and "keras" in sys.modules and self in sys.meta_path:
            sys.meta_path.remove(self)
            importlib.import_module(f"{__name__}.model")


_registration = _Registration()
sys.meta_path.insert(0, _registration)
_registration.register()
