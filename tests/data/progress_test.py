"""The line that says how far a loop is."""

import io
import itertools

import pytest

from deeplab_dpc.data import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def tick(monkeypatch, step_s):
    seconds = itertools.count(0, step_s)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))


def test_a_line_now_and_then(monkeypatch):
    tick(monkeypatch, 6)
    log = io.StringIO()
    with progress.shown("train", 4, log) as step:
        for _ in range(4):
            step()
    lines = [line.rstrip() for line in log.getvalue().splitlines()]
    assert lines[0].startswith("train: 2/4 images, ") and lines[0].endswith("left")
    assert lines[-1].startswith("train: 4/4 images, ") and "left" not in lines[-1]


def test_a_terminal_is_drawn_over(monkeypatch):
    tick(monkeypatch, 0.25)
    log = Terminal()
    with progress.shown("check", 100, log, "records") as step:
        step(30)
        step(30)
    assert log.getvalue().count("\r") == 2 and log.getvalue().count("\n") == 1
    assert "check: 60/100 records" in log.getvalue()


def test_it_ends_its_line_after_an_error():
    log = Terminal()
    with pytest.raises(RuntimeError), progress.shown("x", 2, log) as step:
        step()
        raise RuntimeError
    assert log.getvalue().rstrip(" \n").startswith("x: 1/2 images")
    assert log.getvalue().endswith("\n")


@pytest.mark.parametrize(
    "duration_s, text", [(0, "0:00:00"), (59.6, "0:01:00"), (7261, "2:01:01")]
)
def test_clock(duration_s, text):
    assert progress.clock(duration_s) == text
