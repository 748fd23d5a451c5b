"""What pip installs: the pinned versions, the package's data, the lighter set."""

import os
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(name):
    lines = (ROOT / name).read_text().splitlines()
    found = [Requirement(x) for x in lines if x and not x.startswith(("#", "-r"))]
    return {requirement.name: requirement for requirement in found}


PINNED = requirements("requirements.txt") | requirements("requirements-dev.txt")


def declared():
    extras = PROJECT["optional-dependencies"].values()
    for text in (*PROJECT["dependencies"], *(x for extra in extras for x in extra)):
        if not text.startswith("deeplab_dpc["):
            yield Requirement(text)


@pytest.mark.parametrize("wanted", declared(), ids=str)
def test_the_pinned_version_is_in_the_declared_range(wanted):
    if wanted.name == "pre-commit":  # A git hook's own tool; no test runs it.
        return
    specifier = PINNED[wanted.name].specifier
    if wanted.name == "numpy":
        assert specifier == wanted.specifier
    else:
        (version,) = (s.version for s in specifier)
        assert wanted.specifier.contains(version)


def test_what_is_pinned_is_declared_or_named_as_a_companion():
    names = {requirement.name for requirement in declared()}
    companions = {"tensorflow-text", "tf_keras"}  # tf-models-official asks for these.
    assert set(PINNED) - names == companions


@pytest.mark.slow
def test_the_lighter_set_runs_the_quick_start_as_the_page_says(tmp_path):
    """As typed, in a fresh environment: all programs from a rendered scene to labels."""
    page = (ROOT / "g3doc" / "installation.md").read_text()
    section = page.split("## A lighter set\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    environment = {
        **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        "PATH": f"{tmp_path / 'env' / 'bin'}:{os.environ['PATH']}",
    }
    quickstart = "python -m deeplab_dpc.programs.quickstart --steps=2 --images=6"
    for command in (*block.splitlines(), quickstart, "python search.py --help"):
        done = subprocess.run(
            command,
            shell=True,
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"[-4000:]
    assert (clone / "quickstart" / "run" / "export" / "saved_model.pb").is_file()
    assert list((clone / "quickstart" / "called").glob("*.png"))
