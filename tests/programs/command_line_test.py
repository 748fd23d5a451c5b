"""What every program does with its command line before it does anything else."""

import collections
import itertools
import pathlib
import random
import subprocess
import sys

import pytest
from absl import app, flags

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.programs import command_line, train
from deeplab_dpc.settings import ConfigError
from tests import nightly

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = """
from absl import flags
from deeplab_dpc.programs import command_line

flags.DEFINE_integer("train_batch_size", 8, "Images.")
flags.DEFINE_float("lease_secs", 1.0, "Seconds.")
flags.DEFINE_string("train_logdir", None, "A folder.")
flags.DEFINE_string("storage", None, "A journal or an address.")
flags.DEFINE_list("images", [], "Files.")


def main(argv):
    if flags.FLAGS.lease_secs == 13:
        raise KeyboardInterrupt
    print("ran with", flags.FLAGS.train_batch_size, flags.FLAGS.train_logdir)


command_line.run(main, help="What it does.")
"""


def run(tmp_path, *arguments):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, program, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    "argument, words",
    [
        ("--batch_size=4", "no flag --batch_size. Did you mean --train_batch_size?"),
        ("--batchsize=4", "no flag --batchsize. Did you mean --train_batch_size?"),
        ("--train_logdri=x", "Did you mean: train_logdir ?"),
        ("--train_batch_size=x", "flag --train_batch_size=x: invalid literal"),
        ("--lease_secs=nan", "--lease_secs=nan; give a finite number."),
        ("--train_logdir=gs://b/run", "--train_logdir=gs://b/run: give the path of a"),
        ("--images=a.png,s3://b/c.png", "--images=s3://b/c.png: give the path of a"),
        ("--flagfile=nowhere", "--flagfile=nowhere: No such file or directory."),
        ("four", "Unexpected arguments: four. Flags begin with --."),
    ],
)
def test_what_no_flag_can_mean_is_told_in_a_line(tmp_path, argument, words):
    code, out, said = run(tmp_path, argument)
    assert code == 1 and words in said and not out
    assert said.startswith("program.py: ") and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "program.py"]


def test_flags_that_are_missing_are_named_in_a_line():
    command = [sys.executable, "-m", "deeplab_dpc.programs.train"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and done.stderr == (
        "train.py: --dataset_dir is missing. --train_logdir is missing. --help tells "
        "what each flag means.\n"
    )


def test_ctrl_c_is_told_in_a_line(tmp_path):
    code, out, said = run(tmp_path, "--lease_secs=13")
    assert (code, out, said) == (130, "", "program.py: stopped by SIGINT.\n")


@pytest.mark.parametrize("flag", ["--help", "-h", "--helpfull", "--helpshort"])
def test_help_exits_0(tmp_path, flag):
    code, out, said = run(tmp_path, flag)
    assert code == 0 and not said
    assert out.startswith("What it does.") and "--train_batch_size: Images." in out


def test_a_storage_may_be_an_address(tmp_path):
    assert run(tmp_path, "--storage=grpc://host:1")[:2] == (0, "ran with 8 None\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_flagfile_is_read_in_any_encoding(tmp_path, encoding):
    """Comments and empty lines are none; what comes later wins; files may nest."""
    text = "# a comment\n\n--train_batch_size=5\n// more\r\n--train_logdir=\u00e4 b\n"
    (tmp_path / "a.flags").write_text(text, encoding)
    (tmp_path / "b.flags").write_text(f"--flagfile={tmp_path / 'a.flags'}\n", encoding)
    six = run(tmp_path, "--flagfile", "b.flags", "--train_batch_size=6")
    assert six[0] == 0 and six[1].startswith("ran with 6 ")
    five = run(tmp_path, "--train_batch_size=6", "--flagfile=b.flags")
    assert five[1] == six[1].replace("6", "5")


def test_a_flagfile_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.flags").write_bytes(b"--train_logdir=caf\xe9\n")
    code, _, said = run(tmp_path, "--flagfile=latin.flags")
    assert code == 1 and "latin.flags is not UTF-8: line 1 has the byte 0xe9" in said
    (tmp_path / "loop.flags").write_text("--flagfile=loop.flags\n")
    code, _, said = run(tmp_path, "--flagfile=loop.flags")
    assert code == 1 and "--flagfile=loop.flags contains itself." in said


FLAGFILE = (command_line.FLAGFILES / "camvid_mobilenet_v2_dpc.flags").read_bytes()
ODD = (b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"\xe9", b"\r", b"=", b"--", b"--flagfile=")
ODD += (b"\n--flagfile=a\0b\n", b"\n--train_logdir=a\0b\n", b"9" * 5000, b"\n-\n")
ODD += (b"\n--=\n", b"\n--" + b"x" * 100_000 + b"\n", b"\n--seed=nan\n", b"\n--\n")


def test_two_thousand_mutated_flagfiles_are_read_or_told(tmp_path, monkeypatch, capsys):
    """In CI 200 of them: the flags are set, or one line says what is wrong."""
    path, outcomes = tmp_path / "a.flags", collections.Counter()
    rng = random.Random(9)
    for case in range(nightly.of(200, 2000)):
        content, at = bytearray(FLAGFILE), rng.randrange(len(FLAGFILE))
        match case % 4:
            case 0:
                content[at] ^= 1 << rng.randrange(8)
            case 1:
                content[at : at + rng.randrange(99)] = b""
            case _:
                content[at:at] = ODD[case // 2 % len(ODD)]
        path.write_bytes(content)
        values = flags.FlagValues()
        train.define_flags(values)
        monkeypatch.setattr(flags, "FLAGS", values)
        given = [
            "train.py",
            "--dataset_dir=x",
            "--train_logdir=y",
            f"--flagfile={path}",
        ]
        try:
            left = command_line._parsed(given, "", None)[1:]
            command_line.check_values(values)
            outcomes["read" if not left else "left over"] += 1
        except app.UsageError as e:
            assert len(str(e)) < 1000, case
            outcomes["refused"] += 1
        except SystemExit as e:
            said = capsys.readouterr().err
            assert e.code == 1 and "Traceback" not in said, case
            assert len(said) < 1000 + len(str(tmp_path)), (case, said[:2000])
            outcomes["told"] += 1
    print(outcomes)
    assert outcomes["read"] and outcomes["told"] and outcomes["refused"]


def test_every_number_of_training_must_be_finite():
    """Each setting that is a number, by the flag and by the class."""
    defaults = TrainConfig().to_dict().items()
    numbers = [name for name, value in defaults if isinstance(value, float)]
    assert len(numbers) > 15
    for name, bad in itertools.product(numbers, (float("nan"), float("inf"))):
        with pytest.raises(ConfigError, match=f"{name}={bad}; it must be finite"):
            TrainConfig(**{name: bad})
        values = flags.FlagValues()
        train.define_flags(values)
        values(["x", f"--{name}={bad}", "--dataset_dir=x", "--train_logdir=y"])
        with pytest.raises(app.UsageError, match=f"--{name}={bad}; give a finite"):
            command_line.check_values(values)


@pytest.mark.parametrize("name", ["quickstart.flags", "flagfiles/quickstart.flags"])
def test_a_flagfile_of_the_package_is_found_by_name(tmp_path, name):
    """From any folder, and as it was typed in a clone; a file of that path goes first."""
    code, _, said = run(tmp_path, f"--flagfile={name}")
    assert code == 1 and "There is no flag --model_variant." in said  # It was read.
    code, _, said = run(tmp_path, f"--flagfile=elsewhere/{name}")
    assert code == 1 and f"--flagfile=elsewhere/{name}: No such file" in said
    assert "The package has camvid_mobilenet_v2_context.flags, " in said
    there = tmp_path / name
    there.parent.mkdir(exist_ok=True)
    there.write_text("--train_batch_size=4\n")
    assert run(tmp_path, f"--flagfile={name}")[:2] == (0, "ran with 4 None\n")
