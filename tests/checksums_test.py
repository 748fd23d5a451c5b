"""Checksums: as everybody computes them, found wrong by any change, free to be gone."""

import subprocess

import pytest

from deeplab_dpc import checksums
from deeplab_dpc.checksums import ChecksumError

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4.


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in [1]").mkdir()
    (tmp_path / "in [1]" / "a b").write_bytes(b"abc")
    (tmp_path / "empty").touch()
    (tmp_path / "more").mkdir()
    checksums.write(tmp_path, "more")
    return tmp_path


def test_the_file_is_that_of_sha256sum(folder):
    lines = (folder / "more" / "SHA256SUMS").read_text().splitlines()
    assert f"{ABC}  in [1]/a b" in lines and len(lines) == 2
    command = ["sha256sum", "--strict", "-c", "more/SHA256SUMS"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    checksums.check(folder, "more")


def test_what_was_changed_is_named_and_what_is_gone_is_not_missed(folder):
    (folder / "new").touch()
    (folder / "empty").unlink()
    checksums.check(folder, "more")
    (folder / "in [1]" / "a b").write_bytes(b"abd")
    with pytest.raises(ChecksumError, match=r"a b differs from its checksum in .*Copy"):
        checksums.check(folder, "more")
    (folder / "more" / "SHA256SUMS").unlink()
    checksums.check(folder, "more")


@pytest.mark.parametrize("line", ["", "x", ABC, f"{ABC} a", f"{ABC.upper()}  a", "\0"])
def test_damaged_checksums_are_none(folder, line):
    path = folder / "more" / "SHA256SUMS"
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(ChecksumError, match="which is no checksum and its file"):
        checksums.check(folder, "more")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\n"])
def test_checksums_that_were_emptied_are_noticed(folder, content):
    (folder / "more" / "SHA256SUMS").write_bytes(content)
    with pytest.raises(ChecksumError, match="has the line '', which is no checksum"):
        checksums.check(folder, "more")
