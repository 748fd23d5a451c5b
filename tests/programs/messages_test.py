"""What all messages owe: flags that there are, and numbers with the right nouns."""

import ast
import importlib
import pathlib
import re

import pytest
from absl import flags

from deeplab_dpc.programs import command_line
from deeplab_dpc.programs.convert import main as converters
from deeplab_dpc.programs.main import COMMANDS
from deeplab_dpc.programs.search import main as search

PACKAGE = pathlib.Path(__file__).parents[2] / "deeplab_dpc"
FLAG = re.compile(r"(?<![\w-])--([a-z]\w+)")
OF_OTHERS = {"porcelain", "error", "no", "use_", "help", "helpfull", "flagfile"}
# Followed by one of these a number may be 1, which `formatting.count` minds.
NOUNS = "images|photos|classes|cells|branches|operators|trials|steps|crops|records"
NOUNS += "|shards|checkpoints|colours|tensors|scenes|views|replicas|pairs"
COUNTED = re.compile(rf"\0 ({NOUNS})\b|%d ({NOUNS})\b|\(s\)")
NEVER_ONE = {
    "The loss over \0 steps; it was \0 first and \0 last.",  # Of a curve.
    "\0 images/s",
    "\0 classes, but \0 colours; there must be one for each class.",
    "Profile of %d steps in %s.",
    "\0 images of that name",
    "The request has \0 images, more than the \0 that it may have. Send them in "
    "several.",
    "\0 holds \0 checkpoints (\0) and nothing says which is meant; give one, such as "
    "\0.",
    "The statistics of \0 are of \0 classes; the data set has \0.",
    "\0 has \0 classes; a service has at most 7, since its labels are bytes.",
    "train_batch_size=\0 cannot be shared evenly by \0 replicas on \0 machines; "
    "choose a multiple of \0.",
}


def programs():
    """The module of each program."""
    names = [name for name, _ in COMMANDS.values() if not name.endswith(".main")]
    names += [f"convert.{name}" for name in converters.DATASETS]
    names += [f"search.{name}" for name in search.COMMANDS]
    for name in names:
        yield importlib.import_module(f"deeplab_dpc.programs.{name}")


def flags_of(program) -> set[str]:
    values = flags.FlagValues()
    if hasattr(program, "PROGRAM"):
        program.PROGRAM.define(values)
    elif hasattr(program, "define_flags"):
        program.define_flags(values)
    return {*values, *(f"no{n}" for n in values if values[n].boolean)}


def texts(path):
    """All texts of a file, docstrings too, with zero bytes where values stand."""
    tree = ast.parse(path.read_text())
    formatted = [n for n in ast.walk(tree) if isinstance(n, ast.JoinedStr)]
    inner = {id(value) for text in formatted for value in text.values}
    for text in formatted:
        yield "".join(map(_piece, text.values))
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in inner:
            yield node.value


def _piece(part):
    if isinstance(part, ast.Constant):
        return part.value
    return "7" if ast.unparse(part.value).isupper() else "\0"  # A constant is never 1.


def test_every_flag_that_a_text_names_is_one_of_some_program():
    known = set[str]().union(*map(flags_of, programs())) | OF_OTHERS
    named = set()
    for path in PACKAGE.rglob("*.py"):
        for text in texts(path):
            found = set(FLAG.findall(text))
            assert found <= known, f"{path.name}: {found - known} in {text!r}"
            named |= found
    assert len(named) > 100


def test_numbers_that_may_be_one_have_their_noun_by_count():
    for path in PACKAGE.rglob("*.py"):
        for text in texts(path):
            assert text in NEVER_ONE or not COUNTED.search(text), f"{path}: {text!r}"


@pytest.mark.parametrize(
    "text, added",
    [
        ("Lower --train_batch_size.", ""),
        ("Pass --nofine_tune_batch_norm.", ""),
        ("Give another --top.", " (train.py has no --top.)"),
        (
            "Try --top=3, or --noagain: --top helps.",
            " (train.py has no --top and no --noagain.)",
        ),
        ("It is for search.py's --top. Lower --seed.", ""),
        ("It is for deeplab-dpc's --top. Lower --num_views.", "(train.py has no --num"),
        ("run--top, ---top and --", ""),
    ],
)
def test_a_flag_that_the_program_lacks_is_said_to_be_none_of_its(
    monkeypatch, text, added
):
    values = flags.FlagValues()
    importlib.import_module("deeplab_dpc.programs.train").define_flags(values)
    assert command_line.with_strangers(text, values) == text  # Nobody typed anything.
    values(["train.py", "--dataset_dir=a", "--train_logdir=b"])
    monkeypatch.setattr("sys.argv", ["a/train.py"])
    said = command_line.with_strangers(text, values)
    assert said.startswith(text) and added in said and (added or said == text)
