"""How the tests reach the programs of datasets/, which is no package."""

import importlib.util
import os
import subprocess
import sys
import types
from unittest import mock

from absl import flags

from tests import goldens

FOLDER = goldens.ROOT / "datasets"


SHARED = ("converter_flags", "pascal_flags")


def module(name: str) -> types.ModuleType:
    """A program as a module; its flags are taken out again, for programs share names."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        for shared in SHARED:  # Each program defines its flags.
            sys.modules.pop(shared, None)
        with mock.patch.object(sys, "path", [str(FOLDER), *sys.path]):
            spec.loader.exec_module(sys.modules[name])
        for owner in (name, *SHARED):
            for flag in list(flags.FLAGS.flags_by_module_dict().get(owner, [])):
                delattr(flags.FLAGS, flag.name)
    return sys.modules[name]


def run(name: str, *arguments: str, cwd=None) -> subprocess.CompletedProcess:
    """Runs a program as a user does: from any folder, with nothing installed."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *arguments]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
