"""The table of a run's numbers: whole lines, each step once."""

import errno
import os

import pytest

from deeplab_dpc.training import metrics
from deeplab_dpc.training.metrics import Metrics

MEANS = {"extra": 1, "learning_rate": 0.1, "images_per_s": 8.0, "step_s": 0.25}
MEANS |= {"loss": 2 / 3, "cross_entropy": 0.5, "regularization": 1 / 6}
MEANS |= {"input_wait_share": 0.0}


def _write(folder, steps, first_step=0):
    table = Metrics(folder, first_step)
    for step in steps:
        table.append(step, {**MEANS, "loss": step / 3})
    return folder / "metrics.csv"


def test_a_row_has_the_numbers_to_the_last_bit(tmp_path):
    lines = _write(tmp_path, [10, 20]).read_text().splitlines()
    assert lines[0] == (
        "step,loss,cross_entropy,regularization,learning_rate,images_per_s,"
        "input_wait_share,step_s,extra"
    )
    assert lines[1].startswith("10,3.3333333333333335,0.5,0.16666666666666666,0.1,")
    rows = metrics.read(tmp_path)
    assert rows == [{**MEANS, "step": n, "loss": n / 3} for n in (10, 20)]


def _steps(folder):
    return [row["step"] for row in metrics.read(folder)]


def test_a_resumed_run_has_each_step_once_and_a_new_one_begins_anew(tmp_path):
    """The run was killed after step 30, its last checkpoint is of step 20."""
    assert metrics.read(tmp_path) == []
    _write(tmp_path, [10, 20, 30])
    _write(tmp_path, [30, 40], first_step=20)
    assert _steps(tmp_path) == [10, 20, 30, 40]
    assert metrics.read(tmp_path)[2]["loss"] == 10.0
    _write(tmp_path, [5], first_step=0)
    assert _steps(tmp_path) == [5]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_line_is_none(tmp_path, cut):
    """Whatever is left of the last line, the ones before it count."""
    path = _write(tmp_path, [10, 20])
    path.write_bytes(path.read_bytes()[:-cut])
    assert _steps(tmp_path) == [10]
    _write(tmp_path, [20], first_step=20)
    assert _steps(tmp_path) == [10, 20]


def test_a_number_that_is_new_gets_a_column(tmp_path):
    _write(tmp_path, [10])
    Metrics(tmp_path, 10).append(20, {**MEANS, "gradient_norm": 3.0})
    rows = metrics.read(tmp_path)
    assert "gradient_norm" not in rows[0]
    assert rows[1]["gradient_norm"] == 3.0 and rows[1]["loss"] == 2 / 3


def test_a_line_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """A disk that takes half a line."""
    path = _write(tmp_path, [10])
    before, write = path.read_bytes(), os.write
    table = Metrics(tmp_path, 10)
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:9]))
    with pytest.raises(OSError) as error:
        table.append(20, MEANS)
    assert error.value.errno == errno.ENOSPC
    assert path.read_bytes() == before


def test_a_table_that_a_disk_broke_does_not_stop_a_resume(tmp_path):
    path = _write(tmp_path, [10, 20, 30])
    lines = path.read_bytes().split(b"\n")
    lines[2] = b"\xff\xfe\x0020,1,\x85"
    lines.insert(3, b"25,one,2,3,4,5,6,7,8")
    path.write_bytes(b"\n".join(lines))
    _write(tmp_path, [40], first_step=30)
    assert _steps(tmp_path) == [10, 30, 40]
