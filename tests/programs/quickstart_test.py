"""The quick start as a stranger runs it, but with few images and steps."""

import json

import pytest

from deeplab_dpc.programs import quickstart as program
from tests.programs import tiny_run


def quickstart(folder, *flags):
    program = "-m", "deeplab_dpc.programs.quickstart"
    return tiny_run.python(*program, f"--folder={folder}", *flags)


@pytest.mark.slow
def test_from_nothing_to_predictions_of_an_export(tmp_path):
    folder = tmp_path / "quick"
    done = quickstart(folder, "--steps=3", "--images=12")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((folder / "run" / "config.json").read_text())["model"]["genotype"]
    scores = json.loads((folder / "run" / "eval" / "val.json").read_text())
    assert 0 <= scores["miou"] <= 1
    assert f"mIoU {100 * scores['miou']:.1f} %" in done.stdout
    assert len(list((folder / "run" / "vis").glob("*_overlay.png"))) == 2
    assert (folder / "run" / "export" / "1" / "saved_model.pb").is_file()
    assert len(list((folder / "called").glob("*.png"))) == 1
    for title in ("Render", "Convert", "Train", "Score", "Draw", "Export", "Call"):
        assert f"] {title}" in done.stdout

    mark, records = folder / ".made-by-quickstart", folder / "records"
    note = json.loads(mark.read_text())
    del note["took_s"]["Call the export, without this package"]
    mark.write_text(json.dumps(note))
    before = {path: path.stat().st_mtime_ns for path in records.iterdir()}
    resumed = quickstart(folder, "--steps=3", "--images=12")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "[6/7] Export: done before." in resumed.stdout
    assert {path: path.stat().st_mtime_ns for path in records.iterdir()} == before


@pytest.mark.parametrize("steps, stages", [(1, 7), (3, 7), (1, 2)])
def test_a_finished_one_or_other_flags_begin_anew(tmp_path, steps, stages):
    """Nothing of the run before is left, so that all stages are to be done."""
    first, other = (
        [command for _, command in program.commands(tmp_path, n, 6)] for n in (3, steps)
    )
    program._begin(tmp_path, first)
    titles = [title for title, _ in program.commands(tmp_path, 3, 6)]
    took_s = dict.fromkeys(titles[:stages], 1.0)
    mark = {"commands": first, "took_s": took_s}
    (tmp_path / program._MARK).write_text(json.dumps(mark))
    (tmp_path / "run" / "vis").mkdir(parents=True)
    assert program._begin(tmp_path, other) == {}
    assert [path.name for path in tmp_path.iterdir()] == [program._MARK]
    assert json.loads((tmp_path / program._MARK).read_text())["commands"] == other


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = quickstart(tmp_path)
    assert done.returncode != 0
    assert "holds something else" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_ctrl_c_is_the_stages_to_answer():
    """The terminal sends it to both; a training saves what it has, which takes a while."""
    code = (
        "import os, signal; os.kill(os.getppid(), signal.SIGINT); raise SystemExit(7)"
    )
    assert program._exit_code(["python", "-c", code]) == 7
