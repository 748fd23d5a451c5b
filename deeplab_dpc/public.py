"""A package's public names, imported when they are first used."""

import ast
import importlib
import pathlib
from collections.abc import Callable
from typing import Any


def names_of(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """A package's `__getattr__`, `__dir__` and `__all__`; `file` is its `__init__.py`.

    Its names are those that the stub beside it imports, which type checkers read, too.
    """
    stub = ast.parse(pathlib.Path(file).with_suffix(".pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: node.module for node in imports for alias in node.names}

    def found(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if homes[name] == package:
            return importlib.import_module(f"{package}.{name}")
        return getattr(importlib.import_module(str(homes[name])), name)

    return found, lambda: sorted(homes), sorted(homes)
