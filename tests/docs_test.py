"""Every command in the pages names a program that exists and flags that it has."""

import functools
import importlib.util
import pathlib
import re
import shlex

import pytest

from deeplab_dpc.genotypes import Genotype
from tests import forked, reader
from tests.programs import tiny_run

ROOT = pathlib.Path(__file__).parent.parent
OTHERS = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "g3doc").glob("*.md"))]
FLAGFILES = sorted((ROOT / "deeplab_dpc" / "flagfiles").glob("*.flags"))


def commands():
    for path in (*PAGES, *FLAGFILES):
        text = path.read_text().replace("\n#     ", "\n").replace("\\\n", " ")
        for line in re.findall(r"^(?:#\s+|\$ )?python .*$", text, re.MULTILINE):
            words = shlex.split(line.lstrip("#$ "))[1:]
            if words[0].endswith(".py") or words[0] == "-m":
                yield pytest.param(
                    path, words, id=f"{path.stem}-{' '.join(words)[:50]}"
                )


@functools.lru_cache
def flags_of(program: str, command: str = "") -> set[str]:
    """The flags that the program's help lists, or that of a benchmark's command."""
    if command:
        _, help = forked.run(program, command, "--help")
        return set(re.findall(r"--(\w+)", help))
    _, help = forked.run(program, "--helpfull")
    names = re.findall(r"^\s+(?:-\w,)?--(\[no\])?(\w+)", help, re.MULTILINE)
    assert names, help
    return {n for _, n in names} | {f"no{n}" for negatable, n in names if negatable}


@pytest.mark.parametrize("path, words", commands())
def test_a_command_in_a_page_can_be_typed(path, words):
    if words[0] == "-m":
        if words[1] in ("pip", "tests.faithfulness"):
            return
        words = words[1:]
        assert importlib.util.find_spec(words[0]), f"{path.name}: {words[0]}"
    program, *arguments = words
    if program.endswith(".py"):
        assert (ROOT / program).is_file(), f"{path.name}: {program}"
    if program.startswith("examples/"):
        return
    command = arguments[0] if arguments and program.startswith("benchmarks/") else ""
    for argument in arguments:
        if argument.startswith("--"):
            name = argument[2:].partition("=")[0]
            assert name in flags_of(program, command) | {"flagfile"}, (
                f"{path.name}: {argument}"
            )
            if name == "flagfile" and argument.endswith(".flags"):
                assert FLAGFILES[0].with_name(argument.partition("=")[2]).is_file()


@pytest.mark.parametrize("path", PAGES + OTHERS, ids=lambda p: p.name)
def test_files_that_a_page_names_are_there(path):
    folders = "deeplab_dpc|tests|benchmarks|datasets|examples"
    for name in re.findall(rf"`((?:{folders})/[\w./]+)`", path.read_text()):
        assert (ROOT / name).exists(), f"{path.name}: {name}"


@pytest.mark.parametrize("path", PAGES + OTHERS, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_search_of_ones_own_function_runs_as_the_page_says(tmp_path):
    (code,) = reader.blocks("g3doc/search.md", "python")
    done = tiny_run.python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    cell = Genotype.from_json(done.stdout.splitlines()[-1])
    assert len({branch.rate for branch in cell.branches}) == 1  # The optimum: -1.
