"""Versions of an export: their numbers, one writer, and nothing half-written."""

import os

import pytest

from deeplab_dpc import files
from deeplab_dpc.export import versions


def fill(folder):
    (folder / "saved_model.pb").write_bytes(b"a graph")


def add(folder):
    return versions.add(folder, fill).relative_to(folder)


@pytest.mark.parametrize(
    "there, number",
    [
        ((), "1"),
        (("1",), "2"),
        (("1", "2", "9", "10"), "11"),  # Never the gap: servers take the largest.
        (("007",), "8"),
        (("1.5", "v3", "-4", "2 ", "\u0665", ".5", "a"), "1"),
        (("9" * 19, "3"), "4"),  # More than 64 bits: no server reads it.
    ],
)
def test_a_version_is_one_more_than_the_largest(tmp_path, there, number):
    for name in there:
        (tmp_path / name).mkdir()
    assert str(add(tmp_path)) == number
    assert {path.name for path in tmp_path.iterdir()} == {*there, number}
    assert versions.meant(tmp_path) == tmp_path / number


def test_a_path_means_a_savedmodel_or_the_newest_in_it(tmp_path):
    assert versions.meant(tmp_path) is None
    assert versions.meant(tmp_path / "gone") is None
    for _ in range(2):
        add(tmp_path / "export")
    assert versions.meant(tmp_path / "export") == tmp_path / "export" / "2"
    assert versions.meant(tmp_path / "export" / "1") == tmp_path / "export" / "1"


def test_a_savedmodel_of_earlier_releases_is_in_the_way(tmp_path):
    fill(tmp_path)
    with pytest.raises(versions.ExportError, match=f"mv {tmp_path} {tmp_path}.old"):
        add(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model.pb"]


def test_others_may_read_a_version(tmp_path):
    """As any other folder."""
    add(tmp_path)
    assert (tmp_path / "1").stat().st_mode & 0o777 == 0o755


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail(folder):
        fill(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        versions.add(tmp_path, fail)
    assert list(tmp_path.iterdir()) == []


def test_one_exporter_a_folder_and_a_killed_ones_leftovers_go(tmp_path):
    folder = tmp_path / "[new] x"
    killed = folder / ".1.unfinished" / "1" / "variables"
    killed.mkdir(parents=True)
    with pytest.raises(files.LockedError, match=f"process {os.getpid()} on .* since "):
        versions.add(folder, lambda new: add(folder))
    with files.claimed(folder / ".lock"), pytest.raises(files.LockedError):
        add(folder)
    assert [path.name for path in folder.iterdir()] == []
    killed.mkdir(parents=True)
    add(folder)
    assert [path.name for path in folder.iterdir()] == ["1"]
