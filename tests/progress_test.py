"""The line that says how far a loop is."""

import io

import pytest

from deeplab_dpc.progress import Progress, duration


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-3, "0 s"),
        (0, "0 s"),
        (6.2, "7 s"),
        (59.7, "1 min"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (3601, "1 h"),
        (9600, "2 h 40 min"),
        (6 * 86400 + 3 * 3600 + 59, "6 d 3 h"),
        (5000 * 86400, "5,000 d"),
    ],
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


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


def test_on_a_terminal_one_line_is_renewed():
    clock, stream = Clock(), Terminal()
    progress = Progress(2, stream=stream, clock=clock)
    for now in (1, 2):
        clock.now = now
        progress.advance()
    progress.close()
    text = stream.getvalue()
    assert text.count("\n") == 1 and text.count("\r") == 3
    before, last = text.split("\r")[-2:]
    assert before == "2/2 images, 1.00 images/s, 0 s left"
    assert last == "2 images in 2 s, 1.00 images/s".ljust(len(before)) + "\n"


def test_it_names_what_is_counted_and_ends_its_line_after_an_error():
    clock, stream = Clock(), io.StringIO()
    with (
        pytest.raises(RuntimeError),
        Progress(3, "check", "records", stream, clock) as progress,
    ):
        clock.now = 4
        progress.advance(2)
        raise RuntimeError
    assert stream.getvalue() == "check: 2/3 records in 4 s, 0.50 records/s\n"
