"""Programs run from outside, in forks of a server that has what takes long to import."""

import multiprocessing
import os
import pathlib
import runpy
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when the server starts.


def start(
    program: str, *arguments: str, output: str, folder: pathlib.Path = ROOT
) -> multiprocessing.process.BaseProcess:
    """A program that has begun: a file of the checkout, or a module's name. What it
    prints is appended to the file `output`.
    """
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tensorflow", "keras", "optuna"])
    command = (program, *arguments)
    process = server.Process(target=_main, args=(command, folder, output))
    process.start()
    return process


def run(
    program: str, *arguments: str, folder: pathlib.Path = ROOT, timeout_s: float = 300.0
) -> tuple[int | None, str]:
    """Exit code and output of a program, as `start` has it."""
    with tempfile.NamedTemporaryFile() as output:
        process = start(program, *arguments, output=output.name, folder=folder)
        process.join(timeout_s)
        process.kill()
        return process.exitcode, output.read().decode()


def _main(command: tuple[str, ...], folder: pathlib.Path, output: str) -> None:
    sys.stdout.flush()
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    sys.argv = list(command)
    if not command[0].endswith(".py"):
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    else:
        path = ROOT / command[0]
        sys.path.insert(0, str(path.parent))
        runpy.run_path(str(path), run_name="__main__")
