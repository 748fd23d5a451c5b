"""The best checkpoint: which one is kept, and that it survives everything."""

import errno
import itertools
import json
import os
import pathlib
import threading

import pytest
import tensorflow as tf

from deeplab_dpc.evaluation import best as best_lib
from deeplab_dpc.evaluation.best import Best, BestError, GoneError

SETTINGS = {"eval_split": "val", "eval_scales": [1.0]}


class Training:
    """Saves a variable with a value, by default the step's, as training saves a model."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text('{"a": 1}')
        self._value = tf.Variable(0.0)
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(value=self._value),
            str(folder),
            max_to_keep=1,
            checkpoint_name="ckpt",
        )

    def save(self, step, value=None):
        self._value.assign(step if value is None else value)
        return self._manager.save(checkpoint_number=step)


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def training(run_dir):
    return Training(run_dir)


def opened(run_dir, settings=SETTINGS):
    folder = run_dir / "best"
    folder.mkdir(exist_ok=True)
    return Best(folder, settings, [run_dir / "config.json"])


def evaluate(best, prefix, miou):
    with best.hold(prefix) as held:
        step = int(prefix.rpartition("-")[2])
        return best.offer(held, {"step": step, "miou": miou})


def value(folder):
    """What the newest checkpoint of a folder holds."""
    prefix = tf.train.latest_checkpoint(str(folder))
    return tf.train.load_variable(prefix, "value/.ATTRIBUTES/VARIABLE_VALUE")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_of_two_that_score_at_once_the_second_waits(run_dir, training):
    """Else it would delete the first one's candidate while that is scored."""
    prefix, order, best = training.save(1), [], opened(run_dir)
    second = threading.Thread(
        target=lambda: order.append(evaluate(opened(run_dir), prefix, 0.4))
    )
    with best.hold(prefix) as held:
        second.start()
        second.join(0.3)
        assert order == [] and pathlib.Path(f"{held}.index").is_file()
        assert best.offer(held, {"step": 1, "miou": 0.5})
    second.join()
    assert order == [False] and best.scores()["miou"] == 0.5


def test_the_best_stays_though_training_keeps_only_the_newest(run_dir, training):
    """Scores 0.3, 0.7, 0.5, 0.7, none: the second is the first that was so good."""
    best, answers = opened(run_dir), []
    for step, miou in enumerate((0.3, 0.7, 0.5, 0.7, None), start=1):
        answers.append(evaluate(best, training.save(step), miou))
    assert answers == [True, True, False, False, False]
    assert value(run_dir / "best") == 2.0 and value(run_dir) == 5.0
    assert names(run_dir / "best") == [
        "checkpoint",
        "ckpt-2.data-00000-of-00001",
        "ckpt-2.index",
        "ckpt-2.json",
        "config.json",
    ]
    scores = json.loads((run_dir / "best/ckpt-2.json").read_text())
    assert scores == {"step": 2, "miou": 0.7, "settings": SETTINGS}
    assert (run_dir / "best/config.json").read_text() == '{"a": 1}'


def test_a_later_program_goes_on_with_the_score_and_the_folder_may_move(
    run_dir, training, tmp_path
):
    evaluate(opened(run_dir), training.save(1), 0.7)
    assert not evaluate(opened(run_dir), training.save(2), 0.6)
    assert evaluate(opened(run_dir), training.save(3), 0.8)
    (run_dir / "best").rename(tmp_path / "elsewhere")
    assert value(tmp_path / "elsewhere") == 3.0


@pytest.mark.parametrize("has_links", [True, False])
def test_what_is_held_outlives_its_deletion_by_training(
    run_dir, training, monkeypatch, has_links
):
    def link(source, to):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    if not has_links:
        monkeypatch.setattr(os, "link", link)
    best = opened(run_dir)
    with best.hold(training.save(1)) as held:
        training.save(2)
        assert best.offer(held, {"step": 1, "miou": 0.1})
    assert value(run_dir / "best") == 1.0


def test_a_checkpoint_that_is_gone_is_told_and_a_failure_leaves_nothing(
    run_dir, training
):
    best, gone = opened(run_dir), training.save(1)
    newest = training.save(2)
    with pytest.raises(GoneError), best.hold(gone):
        pass
    assert names(run_dir / "best") == []
    with pytest.raises(RuntimeError), best.hold(newest):
        raise RuntimeError
    assert names(run_dir / "best") == []


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def test_killed_at_any_change_of_a_file_there_is_a_whole_one_with_its_score(
    run_dir, training, monkeypatch
):
    """Before the 1st, 2nd, ... file is moved, written or deleted."""
    evaluate(opened(run_dir), training.save(1), 0.1)
    step = 1
    for allowed in itertools.count():
        step += 1
        best, prefix = opened(run_dir), training.save(step)
        with monkeypatch.context() as patched:
            count = iter(range(allowed))
            for owner, name in ((os, "replace"), (pathlib.Path, "unlink")):
                patched.setattr(owner, name, _dying(getattr(owner, name), count))
            try:
                with best.hold(prefix) as held:
                    best.offer(held, {"step": step, "miou": step / 10})
                was_killed = False
            except Killed:
                was_killed = True
        kept = opened(run_dir).scores()
        assert kept["miou"] == kept["step"] / 10
        assert value(run_dir / "best") == kept["step"]
        if not was_killed:
            break
    assert kept["step"] == step and allowed >= 6


def _dying(function, count):
    def replaced(*arguments, **settings):
        if next(count, None) is None:
            raise Killed
        return function(*arguments, **settings)

    return replaced


def test_another_checkpoint_of_the_same_step_replaces_it(run_dir, training):
    """A run that began again in the same folder."""
    evaluate(opened(run_dir), training.save(1), 0.1)
    assert evaluate(opened(run_dir), Training(run_dir).save(1, 7.0), 0.2)
    assert value(run_dir / "best") == 7.0


def test_scores_of_another_kind_are_not_compared(run_dir, training):
    evaluate(opened(run_dir), training.save(1), 0.1)
    other = {"eval_split": "test", "eval_scales": [1.0], "a_new_setting": 1}
    with pytest.raises(BestError, match="eval_split 'val' there, now 'test'.*--eval_l"):
        opened(run_dir, other)
    assert opened(run_dir, {**SETTINGS, "a_new_setting": 1}).scores()["step"] == 1


def test_a_best_checkpoint_without_its_score_is_told(run_dir, training):
    evaluate(opened(run_dir), training.save(1), 0.1)
    (run_dir / "best/ckpt-1.json").write_text("{")
    with pytest.raises(BestError, match="ckpt-1.json cannot be read.*Remove"):
        opened(run_dir)


def test_other_files_in_the_folder_stay(run_dir, training):
    best = opened(run_dir)
    (run_dir / "best/my-notes.json").write_text("mine")
    evaluate(best, training.save(1), 0.1)
    evaluate(best, training.save(2), 0.2)
    assert (run_dir / "best/my-notes.json").read_text() == "mine"
    assert not list((run_dir / "best").glob("ckpt-1*"))
    assert best_lib._CANDIDATE not in names(run_dir / "best")
