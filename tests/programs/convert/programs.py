"""Runs the programs of datasets/: in this process, or as a user types them."""

import contextlib
import importlib
import io
import os
import subprocess
import sys
from unittest import mock

from absl import flags

from tests import goldens

FOLDER = goldens.ROOT / "datasets"


Done = subprocess.CompletedProcess


def convert(name: str, *arguments: str, cwd=".", code: int | None = 0) -> Done:
    """Runs a converter here, from the parsing of its flags to its exit code, which must
    be this one (None: any).
    """
    module = importlib.import_module(f"deeplab_dpc.programs.convert.{name}")
    values = flags.FlagValues()
    module.PROGRAM.define(values)
    values([name, *arguments])
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        ended = module.PROGRAM.convert(values, err)
    assert code in (ended, None), err.getvalue()
    return Done(name, ended, out.getvalue(), err.getvalue())


def run(name: str, *arguments: str) -> Done:
    """Runs a program as a user does: from any folder, with nothing installed."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *arguments]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(command, env=env, capture_output=True, text=True)
