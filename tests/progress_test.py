"""The line that says how far a loop is."""

import io

import pytest

from deeplab_dpc.progress import Progress


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_it_says_rate_and_time_left_without_the_first_batch():
    """The first image took 30 s (it builds the graph), the next ones 2 s each."""
    clock, stream = Clock(), io.StringIO()
    progress = Progress(11, stream=stream, clock=clock)
    clock.now = 30
    progress.advance()
    for _ in range(5):
        clock.now += 2
        progress.advance()
    progress.close()
    assert stream.getvalue().splitlines() == [
        "1/11 images, 0.03 images/s, 5 min left",
        "6/11 images, 0.50 images/s, 10 s left",
        "6/11 images in 40 s, 0.15 images/s",
    ]


def test_on_a_terminal_a_bar_is_renewed(monkeypatch):
    clock, stream = Clock(), Terminal()
    monkeypatch.setattr("tqdm.std.time", clock)
    progress = Progress(4, "draw", stream=stream, clock=clock)
    for now in (1, 2, 3):
        clock.now = now
        progress.advance()
    progress.close()
    bars, last = stream.getvalue().rsplit("\r", 1)
    assert stream.getvalue().count("\n") == 1
    assert "draw:  75%|" in bars and "| 3/4 [00:03<00:01,  1.00 images/s]" in bars
    assert last == "draw: 3/4 images in 3 s, 1.00 images/s\n"


def test_it_names_what_is_counted_and_ends_its_line_after_an_error():
    clock, stream = Clock(), io.StringIO()
    made = Progress(3, "check", "records", stream, clock)
    with pytest.raises(RuntimeError), made as progress:
        clock.now = 4
        progress.advance(2)
        raise RuntimeError
    assert stream.getvalue() == "check: 2/3 records in 4 s, 0.50 records/s\n"
