"""A reader of the pages: what they say to type, typed in a folder of the reader's."""

import os
import pathlib
import re
import subprocess
import sys

from tests import forked

ROOT = pathlib.Path(__file__).parent.parent
FOLDERS = ("deeplab_dpc", "datasets", "examples", "tests")


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of a page, which is named by its path in the checkout."""
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[str]:
    """The shell's commands of a page, in order."""
    lines = "".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip()]


def clone(folder: pathlib.Path) -> pathlib.Path:
    """Makes a folder in which the checkout's programs lie, as in a clone."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in ROOT.iterdir():
        if path.name in FOLDERS or (path.is_file() and path.name[0] != "."):
            (folder / path.name).symlink_to(path)
    return folder


def typed(command: str, folder: pathlib.Path, **variables: str) -> str:
    """What a command prints; `AssertionError` if it fails. Bash reads it, but Python's
    programs are forks, which need not import TensorFlow first.
    """
    if command.split()[0] not in ("python", "deeplab-dpc"):
        return _bash(command, folder, **variables)
    printed = _bash(f"printf '%s\\n' {command}", folder, **variables)
    python, program, *arguments = printed.splitlines()
    if python == "deeplab-dpc":
        program, arguments = "deeplab_dpc.programs.main", [program, *arguments]
    elif program == "-m":
        program, *arguments = arguments
    where = {"folder": folder, "variables": variables, "timeout_s": 600.0}
    code, said = forked.run(program, *arguments, **where)
    assert code == 0, f"$ {command}\n{said}"[-4000:]
    return said


def _bash(command: str, folder: pathlib.Path, **variables: str) -> str:
    own = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": own, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"[-4000:]
    return done.stdout
