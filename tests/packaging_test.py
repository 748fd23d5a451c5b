"""What pip installs: the pinned versions, the package's data, the lighter set."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = pathlib.Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils")


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


def dockerfile():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(r"^([A-Z]+) (.*)$", text, re.MULTILINE)


def copied():
    """What the Dockerfile takes from the checkout."""
    sources = [words.split()[:-1] for step, words in dockerfile() if step == "COPY"]
    return sum(sources, [])


def test_the_dockerfile_is_of_this_project():
    """Docker is not at hand; what a build would meet first."""
    steps = dockerfile()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line[0] == "!"} == set(copied())
    assert all((ROOT / name).exists() for name in copied())
    bases = [words.split()[0] for step, words in steps if step == "FROM"]
    assert bases.pop() == "${DEVICE}" and ("ARG", "DEVICE=cpu") in steps
    versions = [re.fullmatch(r"python:([\d.]+)-slim", base)[1] for base in bases]
    assert all(map(SpecifierSet(PROJECT["requires-python"]).contains, versions))
    assert any("--requirement /source/requirements.txt" in words for _, words in steps)
    (entry,) = [json.loads(words) for step, words in steps if step == "ENTRYPOINT"]
    assert entry == list(PROJECT["scripts"]) == ["deeplab-dpc"]
    order = [step for step, _ in steps]
    assert ("USER", "user") in steps and order.index("USER") > order.index("COPY")


@pytest.mark.slow
def test_the_lighter_set_runs_the_quick_start_as_the_page_says(tmp_path):
    """As typed, in a fresh environment: all programs from a rendered scene to labels."""
    page = (ROOT / "g3doc" / "installation.md").read_text()
    section = page.split("## A lighter set\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["PATH"] = f"{tmp_path / 'env' / 'bin'}:{os.environ['PATH']}"
    how = {"cwd": clone, "env": environment, "capture_output": True, "text": True}
    quickstart = "python -m deeplab_dpc.programs.quickstart --steps=2 --images=6"
    for command in (*block.splitlines(), quickstart, "python search.py --help"):
        done = subprocess.run(command, shell=True, check=False, **how)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"[-4000:]
    assert (clone / "quickstart" / "run" / "export" / "1" / "saved_model.pb").is_file()
    assert list((clone / "quickstart" / "called").glob("*.png"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A fresh environment outside the clone, into which pip installed the package; what
    it needs are the packages of this environment.
    """
    folder = tmp_path_factory.mktemp("installed")
    clone, env = folder / "clone", folder / "env"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    for name in set(os.listdir(clone)) - set(copied()):  # What a container is built of.
        subprocess.run(["rm", "-r", clone / name], check=True)
    subprocess.run([sys.executable, "-m", "venv", env], check=True)
    (packages,) = env.glob("lib/python*/site-packages")
    install = [env / "bin" / "pip", "install", "--quiet", "--no-deps", clone]
    subprocess.run(install, check=True)
    made = {path.name for path in packages.iterdir()}
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    shutil.rmtree(clone)
    return env / "bin" / "deeplab-dpc", packages, made


def typed(installed, folder, *arguments):
    environment = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [installed[0], *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"[-4000:]
    return done.stdout


@pytest.mark.slow
def test_pip_installs_the_package_with_its_data_and_nothing_else(installed):
    _, packages, made = installed
    version = PROJECT["version"]
    tools = {n for n in made if n.split("-")[0] in TOOLS}
    assert made - tools == {"deeplab_dpc", f"deeplab_dpc-{version}.dist-info"}
    command = ["git", "ls-tree", "-r", "--name-only", "HEAD", "deeplab_dpc"]
    tree = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = {p for p in (packages / "deeplab_dpc").rglob("*.*") if p.is_file()}
    files = {f"{p.relative_to(packages)}" for p in files if p.suffix != ".pyc"}
    assert files == set(tree.stdout.split())
    ours = [
        f"deeplab_dpc/{name}" for name in ("py.typed", "flagfiles/quickstart.flags")
    ]
    assert files >= {*ours, "deeplab_dpc/reports/templates/page.js"}


@pytest.mark.slow
def test_the_installed_command_works_from_any_folder(installed, tmp_path):
    """The quick start outside a clone: data, training by a flagfile's name, scores."""
    said = typed(installed, tmp_path, "describe", "--flagfile=quickstart.flags")
    assert said.startswith("mobilenet_v2, a cell of 5 branches, 21 classes, output ")
    assert "0.36 M parameters" in said  # The paper's Table 1.
    said = typed(installed, tmp_path, "convert", "folder", "--help")
    assert "\ndeeplab-dpc convert folder --image_dir=my/images " in said
    assert not list(tmp_path.iterdir())
    said = typed(installed, tmp_path, "quickstart", "--steps=2", "--images=6")
    assert "$ deeplab-dpc train --flagfile=quickstart.flags --dataset_dir=quick" in said
    run = tmp_path / "quickstart" / "run"
    config = json.loads((run / "config.json").read_text())
    assert config["train"]["training_number_of_steps"] == 2
    assert config["train"]["train_crop_size"] == [193, 257]  # The flagfile's.
    score = json.loads((run / "eval" / "val.json").read_text())["miou"]
    assert f"mIoU {100 * score:.1f} % on val" in said
    assert (run / "export" / "1" / "saved_model.pb").is_file()
