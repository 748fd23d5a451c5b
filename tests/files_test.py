"""Files are whole or as before, texts are read or refused, writers are alone."""

import json
import os
import pathlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deeplab_dpc import checkpoint_files, files
from deeplab_dpc.conversion import workspace
from deeplab_dpc.data.dataset_info import DatasetInfo, load_file
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.export import formats
from deeplab_dpc.formatting import json_text
from deeplab_dpc.runs import Run
from deeplab_dpc.tf1 import sources
from deeplab_dpc.training import run_folder

VALUES = (
    {},
    [],
    {"a": {}, "b": [], "c": None, "d": "ü\n"},
    {"numbers": list(range(1000)), "few": [1, 2.5, -3]},
    {"mixed": [1, "x" * 90, {"y": list(range(50))}]},
    [{"name": "n" * 30, "list": [[1, 2], [3, 4]]}] * 3,
    7,
)


@pytest.mark.parametrize("value", VALUES)
def test_any_value_comes_back(value):
    """In lines that are full and not too long."""
    text = json_text(value)
    assert json.loads(text) == value
    assert all(len(line) <= 105 and line == line.rstrip() for line in text.splitlines())
    assert len(text.splitlines()) < 60


def test_an_error_leaves_the_earlier_file_and_names_it(tmp_path, monkeypatch):
    """Of the value, of the block, of the disk."""
    path = tmp_path / "a.json"
    files.write_json(path, [1])
    with pytest.raises(TypeError):
        files.write_json(path, [object()])
    with pytest.raises(KeyError), files.atomically(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    with pytest.raises(OSError) as caught:
        files.write(tmp_path / "none" / "a.txt", "x")
    assert caught.value.filename == str(tmp_path / "none" / "a.txt")

    def fail(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        files.write(path, "two")
    assert path.read_text() == "[\n 1\n]\n" and list(tmp_path.iterdir()) == [path]


def test_file_and_folder_are_on_the_disk_before_the_block_ends(tmp_path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda *a: (calls.append("fsync"), fsync(*a)))
    monkeypatch.setattr(
        os, "replace", lambda *a: (calls.append("replace"), replace(*a))
    )
    files.write(tmp_path / "a", b"x")
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_of_any_marked_encoding_is_read_and_another_is_refused(encoding, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("ok\ncafé\n".encode(encoding))
    if encoding == "latin-1":
        with pytest.raises(files.FileError, match="line 2 has the byte 0xe9.*UTF-8"):
            files.read_text(path)
        return
    assert files.read_text(path) == "ok\ncafé\n"
    assert files.read_lines(path) == ["ok", "café"]


ENTRIES = {
    "Run.open": Run.open,
    "checkpoint_files.newest": checkpoint_files.newest,
    "checkpoint_files.read": checkpoint_files.read,
    "checkpoint_files.write": lambda path: checkpoint_files.write(None, path),
    "read_weights": sources.read_weights,
    "DatasetInfo.load": DatasetInfo.load,
    "load_file": lambda path: load_file(Path(path), None, dict),
    "Manifest.load": Manifest.load,
    "new_folder": lambda path: run_folder.new_folder(path).__enter__(),
    "formats.write": lambda path: formats.write(None, path, *[None] * 3),
    "workspace.opened": lambda path: workspace.opened(Path(path)).__enter__(),
    "write": lambda path: files.write(path, "x"),
    "read_text": files.read_text,
    "claimed": lambda path: files.claimed(path).__enter__(),
    "output_folder": lambda path: files.output_folder(path, "x"),
    "made_folder": files.made_folder,
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("address", ["gs://bucket/run", "s3://b/r", "file:///r/x"])
@pytest.mark.parametrize("kind", [str, Path])
def test_an_address_is_no_path_wherever_one_enters(
    entry, address, kind, tmp_path, monkeypatch
):
    """pathlib's `gs:/bucket` neither; nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(files.PathError, match="path of a folder or a file of this"):
        ENTRIES[entry](kind(address))
    assert not list(tmp_path.iterdir())


def test_a_folder_whose_name_ends_in_a_colon_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lr:").mkdir()
    files.write(Path("lr:/x"), "1")
    assert Path("lr:", "x").read_text() == "1"


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", ["a\0b", "caf\udce9"])
def test_a_path_has_no_zero_byte_and_is_utf_8(entry, name, tmp_path, monkeypatch):
    """But photos are read whatever they are called."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(files.PathError, match=r"has a zero byte, or is not UTF-8"):
        ENTRIES[entry](name)
    assert not list(tmp_path.iterdir())
    (tmp_path / "caf\udce9").write_bytes(b"x")
    assert files.read_bytes("caf\udce9") == b"x"


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' occurs twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[1,\n 2,,]", "line 2, column 4"),
        ("9" * 5000, "cannot be read"),
        ("", "not JSON"),
    ],
)
def test_json_that_is_none_is_refused_in_short_words(text, words, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(files.FileError, match=words) as caught:
        files.read_json(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 500


def test_a_second_writer_is_told_who_is_there(tmp_path):
    lock = tmp_path / ".lock"
    with files.claimed(lock):
        with pytest.raises(files.LockedError) as caught, files.claimed(lock):
            pass
        assert f"process {os.getpid()} on {socket.gethostname()}" in str(caught.value)
        assert "since 20" in str(caught.value) and str(tmp_path) in str(caught.value)
    with files.claimed(lock):
        pass
    assert not lock.exists()


def test_a_killed_writer_leaves_no_lock(tmp_path):
    code = (
        "import sys, time; from deeplab_dpc import files\n"
        "with files.claimed(sys.argv[1]): print('held', flush=True); time.sleep(60)"
    )
    lock = tmp_path / ".lock"
    command = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(files.LockedError, match=f"process {other.pid} on"):
            files.claimed(lock).__enter__()
        other.kill()
    with files.claimed(lock):
        pass


def test_one_waits_for_the_other(tmp_path):
    """Four processes count to 200 in one file; each number is written once."""
    code = (
        "import sys; from deeplab_dpc import files\n"
        "for _ in range(50):\n"
        " with files.locked(sys.argv[1] + '.lock'):\n"
        "  n = int(open(sys.argv[1]).read()); open(sys.argv[1], 'w').write(str(n + 1))"
    )
    path = tmp_path / "count"
    path.write_text("0")
    runs = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in "1234"]
    assert [run.wait() for run in runs] == [0] * 4 and path.read_text() == "200"
