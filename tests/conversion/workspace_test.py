"""The folder a conversion works in: killed at any move, nothing is lost; one at a time."""

import os
import subprocess
import sys
import textwrap

import pytest

from deeplab_dpc.conversion import workspace
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError
from tests import goldens

SHARDS = [records.shard_name("train", i, 3) for i in range(3)]
OLD = {FILE_NAME: "old", SHARDS[0]: "old 0", records.shard_name("val", 0, 1): "old val"}
NEW = {FILE_NAME: "new", **{name: f"new {name}" for name in SHARDS}}


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    for name in set(files) - {FILE_NAME}:
        if folder.name == workspace.NAME:
            (folder / f"{name}.json").write_text("{}")


def content(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.is_file()}


def install_and_die(output, moves):
    """In a child: works, then is killed at the given move of a file; -1 is never."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    replace = os.replace

    def count(source, target):
        nonlocal moves
        if moves == 0:
            os._exit(9)
        moves -= 1
        replace(source, target)

    os.replace = count
    with workspace.opened(output) as folder:
        if not (folder / FILE_NAME).exists():
            write(folder, NEW)
        workspace.install(folder, output)
    os._exit(0)


@pytest.mark.parametrize("before", [OLD, {}], ids=["over an earlier one", "fresh"])
def test_killed_at_any_move_the_next_run_finds_all(tmp_path, before):
    """The journal, each old file out, each new one in: one kill at each."""
    endings = []
    for moves in range(1 + len(before) + len(NEW) + 1):
        output = tmp_path / f"out{moves}"
        write(output, before)
        code = install_and_die(output, moves)
        endings.append(code)
        if code == 9:
            with workspace.opened(output) as folder:
                assert content(output) == before
                waiting = {n: t for n, t in content(folder).items() if n in NEW}
                assert waiting == NEW
                workspace.install(folder, output)
        assert content(output) == NEW
        assert not (output / workspace.NAME).exists()
    assert endings == [9] * (1 + len(before) + len(NEW)) + [0]


@pytest.mark.slow
def test_killed_while_recovering(tmp_path):
    for first in range(1, 7):
        for second in range(8):
            output = tmp_path / f"out{first}-{second}"
            write(output, OLD)
            assert install_and_die(output, first) == 9
            install_and_die(output, second)
            with workspace.opened(output):
                assert content(output) in (OLD, NEW)


def test_killed_after_the_last_move_it_is_installed(tmp_path):
    output = tmp_path / "out"
    write(output, OLD)
    child = os.fork()
    if not child:
        with workspace.opened(output) as folder:
            write(folder, NEW)
            workspace.install(folder, output)
            os._exit(9)
    os.waitpid(child, 0)
    assert content(output) == NEW
    with pytest.raises(RuntimeError), workspace.opened(output):
        raise RuntimeError
    assert content(output) == NEW


def test_one_conversion_at_a_time(tmp_path):
    output = tmp_path / "out"
    with workspace.opened(output) as folder:
        (folder / "mine").touch()
        message = f"is being written by process {os.getpid()} on .* since"
        with pytest.raises(DatasetError, match=message), workspace.opened(output):
            pass
        assert (folder / "mine").exists()
    with workspace.opened(output):
        pass


def test_a_killed_holder_frees_the_lock(tmp_path):
    code = f"""
        import os, pathlib, signal
        from deeplab_dpc.conversion import workspace
        with workspace.opened(pathlib.Path({str(tmp_path / "out")!r})):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=goldens.ROOT, capture_output=True)
    assert done.returncode == -9
    with workspace.opened(tmp_path / "out"):
        pass
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_kept_after_a_failure(tmp_path):
    output = tmp_path / "out"
    with pytest.raises(RuntimeError), workspace.opened(output) as folder:
        (folder / "junk.tmp").touch()
        raise RuntimeError
    assert not output.exists()
    with pytest.raises(RuntimeError), workspace.opened(output) as folder:
        write(folder, NEW)
        raise RuntimeError
    with workspace.opened(output) as folder:
        workspace.clear(folder, keep=SHARDS[:1])
        assert set(content(folder)) == {SHARDS[0], "lock"}
    assert list(output.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for output, message in (
        ("file", "not a folder"),
        ("file/out", "cannot be written"),
    ):
        with (
            pytest.raises(DatasetError, match=message),
            workspace.opened(tmp_path / output),
        ):
            pass
