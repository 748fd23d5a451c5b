"""Programs run from outside, in forks of a server that has what takes long to import."""

import multiprocessing
import os
import pathlib
import runpy
import sys
import tempfile
from collections.abc import Mapping

ROOT = pathlib.Path(__file__).parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when the server starts.


def start(
    program: str,
    *arguments: str,
    output: str,
    folder: pathlib.Path = ROOT,
    variables: Mapping[str, str] | None = None,
) -> multiprocessing.process.BaseProcess:
    """A program that has begun: a file of its folder or of the checkout, or a module's
    name. What it prints is appended to the file `output`; it sees these environment
    variables beside the server's.
    """
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tensorflow", "keras", "optuna"])
    command = (program, *arguments)
    given = command, folder, output, dict(variables or {})
    process = server.Process(target=_main, args=given)
    process.start()
    return process


def run(
    program: str, *arguments: str, timeout_s: float = 300.0, **where
) -> tuple[int | None, str]:
    """Exit code and output of a program; folder and variables are as `start` has it."""
    with tempfile.NamedTemporaryFile() as output:
        process = start(program, *arguments, output=output.name, **where)
        process.join(timeout_s)
        process.kill()
        return process.exitcode, output.read().decode()


def _main(
    command: tuple[str, ...],
    folder: pathlib.Path,
    output: str,
    variables: dict[str, str],
) -> None:
    os.environ.update(variables)
    sys.stdout.flush()
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    sys.argv = list(command)
    if not command[0].endswith(".py"):
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    else:
        paths = (above / command[0] for above in (folder, ROOT))
        path = next(path for path in paths if path.is_file()).resolve()
        sys.path.insert(0, str(path.parent))
        runpy.run_path(str(path), run_name="__main__")
