"""The command `deeplab-dpc`, and what all programs owe: help, quickly and in order."""

import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest
from absl import flags

from deeplab_dpc.programs import command_line
from deeplab_dpc.programs.convert import main as converters
from deeplab_dpc.programs.main import COMMANDS
from deeplab_dpc.programs.search import main as search

ROOT = pathlib.Path(__file__).parents[2]
WORDS = [
    *((name,) for name in COMMANDS),
    *(("convert", name) for name in converters.DATASETS),
    *(("search", name) for name in search.COMMANDS),
]
WITH_TOPICS = [
    *("train", "eval", "vis", "export_model", "convert_checkpoint", "describe"),
    *(f"search.{n}" for n in ("cache", "run", "baselines", "rerank", "fidelity")),
]
HEAVY = ("tensorflow", "keras", "optuna", "matplotlib", "scipy")
CODE = f"""
import sys
from deeplab_dpc.programs import main
try:
    main.run()
finally:
    assert not {set(HEAVY)} & set(sys.modules), sorted({set(HEAVY)} & set(sys.modules))
"""


def deeplab_dpc(*arguments, folder=ROOT):
    """Code, output and errors of the command in a process of its own, which fails if it
    imports something heavy.
    """
    command = [sys.executable, "-c", CODE, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_needs_no_tensorflow_and_says_what_is_typed(words, tmp_path):
    code, out, said = deeplab_dpc(*words, "--help", folder=tmp_path)
    assert (code, said) == (0, "")
    typed = f"deeplab-dpc {' '.join(words)}"
    assert typed in out or words == ("quickstart",)
    assert "python train.py" not in out and "\npython " not in out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_wrong_flag_is_refused_without_tensorflow(words):
    code, out, said = deeplab_dpc(*words, "--no_such_flag=1")
    assert code == 1 and not out
    if words not in (("convert",), ("search",)):  # These tell their commands first.
        assert said.startswith(f"deeplab-dpc {' '.join(words)}: ")
        assert "There is no flag --no_such_flag." in said and said.count("\n") == 1


@pytest.mark.parametrize("program", WITH_TOPICS)
def test_help_shows_about_a_dozen_flags_by_topic(program):
    module = importlib.import_module(f"deeplab_dpc.programs.{program}")
    values = flags.FlagValues()
    module.define_flags(values)
    text = command_line.help_text(module.__doc__, module.TOPICS, values)
    shown = [name for names in module.TOPICS.values() for name in names]
    assert 9 <= len(shown) == len(set(shown)) <= 16 and set(shown) <= set(values)
    found = re.findall(r"^  --(?:\[no\])?(\w+):", text, re.MULTILINE)
    assert found == shown
    rest = len(list(values)) - len(shown)
    assert text.splitlines()[-1].startswith(f"{rest} more flags: ")
    assert text.endswith(" --helpfull")


def test_helpfull_has_every_flag():
    _, out, _ = deeplab_dpc("train", "--helpfull")
    values = flags.FlagValues()
    importlib.import_module("deeplab_dpc.programs.train").define_flags(values)
    assert all(f"--{name}:" in out or f"]{name}:" in out for name in values)
    assert len(list(values)) > 100 and "--flagfile:" in out


@pytest.mark.parametrize(
    "words, expected",
    [
        (
            ("evaluate",),
            "deeplab-dpc: 'evaluate' is no command; there are train, eval, ",
        ),
        (("trian",), "Did you mean train? --help tells what each does."),
        (("convert", "cityscape"), "Did you mean cityscapes?"),
        (("search", "rerun"), "'rerun' is no command; there are cache, run, baselines"),
    ],
)
def test_what_is_no_command_is_told_with_the_nearest_one(words, expected):
    code, out, said = deeplab_dpc(*words)
    assert code == 1 and not out and expected in said and said.count("\n") == 1


def test_without_a_command_all_are_told():
    code, out, said = deeplab_dpc()
    assert code == 1 and not out
    assert all(f"\n  {name} " in said for name in COMMANDS)
    assert deeplab_dpc("--help") == (0, said, "")


@pytest.mark.parametrize(
    "text, typed",
    [
        ("  python train.py --seed=1", "  deeplab-dpc train --seed=1"),
        ("python -m deeplab_dpc.data.inspect -h", "deeplab-dpc inspect -h"),
        ("run `search.py run --top=5`.", "run `deeplab-dpc search run --top=5`."),
        ("with build_folder_data.py", "with deeplab-dpc convert folder"),
        ("python datasets/build_voc2012_data.py", "deeplab-dpc convert voc2012"),
        ("g3doc/vis.md, my_train.py, a/vis.py", "g3doc/vis.md, my_train.py, a/vis.py"),
    ],
)
def test_texts_name_programs_as_they_are_typed(monkeypatch, text, typed):
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert command_line.as_typed(text) == text
    monkeypatch.setattr(sys, "argv", ["deeplab-dpc train"])
    assert command_line.as_typed(text) == typed
    first = typed.partition("deeplab-dpc ")[2].split(" ")[0].rstrip("`")
    assert first in (*COMMANDS, "")


def test_a_lazily_imported_module_is_executed_at_first_use(tmp_path):
    """And Keras, imported after, knows our layers, as without it."""
    code = """
import sys
from deeplab_dpc.programs import convert_checkpoint as program
assert type(program).__name__ == "module" and "keras" not in sys.modules
import keras
assert keras.saving.get_registered_object("deeplab_dpc>DensePredictionCell").__module__
assert program.model_lib is sys.modules["deeplab_dpc.model"]
assert program.run_folder.CONFIG_FILE == "config.json"
try:
    program.run_folder.no_such_name
except AttributeError:
    print("done")
"""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("words", ["train --helpfull", "search --help", "--help"])
def test_help_may_be_read_in_part(words):
    """`deeplab-dpc train --helpfull | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "deeplab_dpc.programs.main", *words.split()]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=ROOT)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
