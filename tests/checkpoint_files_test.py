"""Checkpoints on the disk: what is damaged is never taken, what is whole is found."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import checkpoint_files
from deeplab_dpc.checkpoint_files import CheckpointError

STEPS = (1, 2, 3)


def write(folder: pathlib.Path, steps=STEPS, max_to_keep=None) -> tf.Variable:
    """Checkpoints of 300 numbers, each of which is the step's."""
    value = tf.Variable(tf.zeros(300))
    for step in steps:
        value.assign(tf.fill([300], float(step)))
        prefix = folder / f"ckpt-{step}"
        checkpoint_files.write(tf.train.Checkpoint(value=value), prefix, max_to_keep)
    return value


def step_of(prefix: str) -> float:
    """The number that a checkpoint holds 300 times."""
    (value,) = checkpoint_files.read(prefix, "value/").values()
    assert value.shape == (300,) and np.ptp(value) == 0
    return value[0]


def damage(path: pathlib.Path, random: np.random.Generator) -> None:
    """Cuts a file, or flips one of its bits."""
    content, at = bytearray(path.read_bytes()), random.integers(path.stat().st_size)
    if random.random() < 0.3:
        content = content[:at]
    else:
        content[at] ^= 1 << random.integers(8)
    path.write_bytes(content)


def names(folder: pathlib.Path) -> set[str]:
    return {path.name.partition(".")[0] for path in folder.iterdir()}


@pytest.mark.parametrize(
    "name", ["[exp1] lr=0.01", "zoo (1)", "a*b?", "{x}", "back\\slash", "ä", "a\u0308"]
)
def test_a_path_is_no_pattern(tmp_path, name):
    folder = tmp_path / name / "run"
    write(folder, max_to_keep=2)
    assert names(folder) == {"checkpoint", "ckpt-2", "ckpt-3"}
    assert checkpoint_files.newest(folder) == str(folder / "ckpt-3")
    assert step_of(checkpoint_files.newest(folder)) == 3


def test_a_prefix_is_no_pattern_either(tmp_path):
    write(tmp_path)
    for file in checkpoint_files.of(tmp_path / "ckpt-2"):
        file.rename(tmp_path / file.name.replace("ckpt-2", "model[1].ckpt-90"))
    assert step_of(str(tmp_path / "model[1].ckpt-90")) == 2


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\xff\xfe\x00", b'model_checkpoint_path: "ckpt-9"\n', b"ckpt-3"]
    + [b'model_checkpoint_path: "%b"\n' % n for n in (b".", b"a/", b"\0", b"\xe9")]
    + [b'model_checkpoint_path: "%b"\n' % (b"x" * 999)],
)
def test_whatever_the_naming_file_holds_the_newest_is_found(tmp_path, content):
    write(tmp_path)
    state = tmp_path / checkpoint_files.STATE
    state.unlink() if content is None else state.write_bytes(content)
    assert step_of(checkpoint_files.newest(tmp_path)) == 3


@pytest.mark.parametrize("ending", ["data-00000-of-00001", "index"])
def test_a_checkpoint_copied_in_part_is_passed_over(tmp_path, caplog, ending):
    write(tmp_path)
    (tmp_path / f"ckpt-3.{ending}").unlink()
    with caplog.at_level("WARNING"):
        assert step_of(checkpoint_files.newest(tmp_path)) == 2
    assert "ckpt-3 is not whole (" in caplog.text and "taking ckpt-2." in caplog.text
    with pytest.raises(CheckpointError, match="ckpt-3 is no whole checkpoint"):
        checkpoint_files.read(tmp_path / "ckpt-3")


def test_damaged_files_are_never_loaded(tmp_path):
    """Bits flipped and files cut at random places: the one before, or the truth."""
    random = np.random.default_rng(5)
    for trial in range(200):
        folder = tmp_path / str(trial)
        write(folder)
        damage(random.choice(checkpoint_files.of(folder / "ckpt-3")), random)
        found = checkpoint_files.newest(folder)
        assert step_of(found) == int(found[-1])


def test_without_the_naming_file_the_highest_step_is_taken_with_a_word(
    tmp_path, caplog
):
    assert checkpoint_files.newest(tmp_path) is None
    write(tmp_path, (9, 1000, 200))
    assert checkpoint_files.newest(tmp_path) == str(tmp_path / "ckpt-200")
    (tmp_path / checkpoint_files.STATE).unlink()
    (tmp_path / "ckpt-5000.data-00000-of-00001").write_bytes(b"no index: half a copy")
    with caplog.at_level("WARNING"):
        assert checkpoint_files.newest(tmp_path) == str(tmp_path / "ckpt-1000")
    assert "no file `checkpoint` names" in caplog.text
    assert "ckpt-5000.index is missing); taking ckpt-1000." in caplog.text


def test_nothing_whole_is_an_error_that_names_each(tmp_path):
    write(tmp_path, (1, 2))
    for path in tmp_path.glob("*.data-*"):
        path.write_bytes(b"x")
    with pytest.raises(CheckpointError, match="ckpt-2 is not whole .*; ckpt-1 is not"):
        checkpoint_files.newest(tmp_path)
    assert checkpoint_files.newest(tmp_path / "empty") is None


def test_what_was_not_written_whole_is_not_named(tmp_path, monkeypatch):
    value = write(tmp_path)
    monkeypatch.setattr(checkpoint_files, "damage", lambda prefix: "a bad disk")
    with pytest.raises(OSError, match="a bad disk"):
        checkpoint_files.write(tf.train.Checkpoint(value=value), tmp_path / "ckpt-4", 1)
    monkeypatch.undo()
    assert checkpoint_files.named(tmp_path)[0].name == "ckpt-3"
    assert names(tmp_path) >= {"ckpt-1", "ckpt-2", "ckpt-3"}


def test_a_checkpoint_that_somebody_removed_is_named_no_more(tmp_path):
    write(tmp_path)
    for path in checkpoint_files.of(tmp_path / "ckpt-2"):
        path.unlink()
    write(tmp_path, (4,), max_to_keep=3)
    named = [path.name for path in checkpoint_files.named(tmp_path)]
    assert named == ["ckpt-4", "ckpt-1", "ckpt-3", "ckpt-4"]


def test_only_checkpoints_that_the_folder_names_are_removed(tmp_path):
    write(tmp_path, (1,))
    (tmp_path / checkpoint_files.STATE).unlink()
    write(tmp_path, (2, 3, 4), max_to_keep=2)
    assert names(tmp_path) == {"checkpoint", "ckpt-1", "ckpt-3", "ckpt-4"}
