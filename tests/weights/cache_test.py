"""Downloads: cut and gone on, refused, awkward, by hand, twice at once."""

import hashlib
import json
import multiprocessing
import os
import resource
import tarfile

import numpy as np
import pytest

from deeplab_dpc import weights
from deeplab_dpc.tf1 import archives, sources
from deeplab_dpc.weights import DownloadError, cache
from tests.weights import archives as made

NAME = "mobilenetv2_coco_voc_trainaug"
ENTRY = weights.find(NAME)
URL = f"/zoo/{ENTRY.file}"
# Noise does not compress: 3 MiB, which are three pieces of a download.
ARRAYS = {
    "logits/semantic/weights": np.random.default_rng(3).random((3, 2**18), "f4"),
    "MobilenetV2/Conv/weights": np.arange(6.0, dtype="f4").reshape(2, 3),
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    content = made.of_arrays(tmp_path_factory.mktemp("zoo"), ARRAYS)
    assert 2.5 * 2**20 < len(content) < 3.1 * 2**20
    return content


@pytest.fixture
def here(server):
    """The file in the cache."""
    return cache.folder() / ENTRY.file


def assert_holds_the_arrays(path):
    with archives.opened(path) as (source, _):
        found = sources.read_tensors(source)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_second_call_asks_nobody(server, archive, here, tmp_path):
    server.files[URL] = archive
    assert weights.path(NAME) == here == tmp_path / "cache" / "weights" / ENTRY.file
    assert_holds_the_arrays(here)
    assert weights.path(NAME) == here
    assert server.requests == [(URL, None)]
    names = sorted(path.name for path in here.parent.iterdir())
    assert names == [f".{here.name}.lock", here.name, f"{here.name}.json"]


def test_what_came_first_is_recorded(server, archive, here):
    server.files[URL] = archive
    weights.path(NAME)
    record = json.loads(here.with_name(f"{here.name}.json").read_text())
    assert record["sha256"] == hashlib.sha256(archive).hexdigest()
    assert record["bytes"] == len(archive)
    assert record["address"] == server.address + URL


def test_a_cut_download_goes_on_where_it_ended(server, archive, here):
    server.files[URL], server.cut_after = archive, 2**21 + 1000
    with pytest.raises(DownloadError, match="cannot be downloaded: .*IncompleteRead"):
        weights.path(NAME)
    assert not here.exists()
    assert_holds_the_arrays(weights.path(NAME))
    assert here.read_bytes() == archive
    assert server.requests == [(URL, None), (URL, f"bytes={2**21}-")]


def test_a_full_disk_is_told_with_the_path_and_what_came_is_kept(server, archive, here):
    """No file may have more than 2 MiB; with room again, the download goes on."""
    server.files[URL] = archive
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**21, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large: '.*/.part.deeplabv3"):
            weights.path(NAME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not here.exists()
    assert weights.path(NAME).read_bytes() == archive
    assert server.requests == [(URL, None), (URL, f"bytes={2**21}-")]


def test_a_server_that_sends_no_parts_sends_all_again(server, archive, here):
    server.files[URL], server.cut_after = archive, 2**21
    server.knows_ranges = False
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        weights.path(NAME)
    assert weights.path(NAME).read_bytes() == archive
    assert len(server.requests) == 2


@pytest.mark.parametrize("more, requests", [(b"", 1), (b"more", 2)])
def test_a_part_that_is_whole_or_too_long(server, archive, here, more, requests):
    """As a process leaves it that is killed before the file has its name."""
    here.parent.mkdir(parents=True)
    here.with_name(f".part.{here.name}").write_bytes(archive + more)
    server.files[URL] = archive
    assert weights.path(NAME).read_bytes() == archive
    assert len(server.requests) == requests


def test_parts_of_two_files_are_noticed_and_not_kept(server, archive, here):
    """The server's file changed while the download was cut."""
    here.parent.mkdir(parents=True)
    part = here.with_name(f".part.{here.name}")
    part.write_bytes(archive[: 2**20 - 9] + b"another's")
    server.files[URL] = archive
    with pytest.raises(DownloadError, match="was not kept: .* is damaged, or no .tar"):
        weights.path(NAME)
    assert not part.exists() and not here.exists()
    assert weights.path(NAME).read_bytes() == archive


@pytest.mark.parametrize(
    "content, words",
    [
        (b"<html>Please log in</html>", "is damaged, or no .tar.gz"),
        (made.packed({"zoo/README": b"x"}), "holds no checkpoint"),
        (made.packed({"../model.ckpt.index": b"x"}), "which is no plain file inside"),
        (made.packed({"/etc/model.ckpt.index": b"x"}), "which is no plain file inside"),
        (
            made.packed({"a/model.ckpt.index": b"\0"}),
            "is not a readable TF1 checkpoint",
        ),
    ],
)
def test_what_is_no_archive_of_weights_is_not_kept(server, here, content, words):
    server.files[URL] = content
    with pytest.raises(DownloadError, match=words):
        weights.path(NAME)
    assert [path.name for path in here.parent.iterdir()] == [f".{here.name}.lock"]


@pytest.mark.parametrize("status, words", [(404, "404 .*Not Found"), (503, "503 ")])
def test_a_refusal_tells_address_size_and_the_place_for_the_file(
    server, here, status, words
):
    server.status = status
    with pytest.raises(DownloadError, match=words) as caught:
        weights.path(NAME)
    assert f"{server.address}{URL} (23 MB)" in str(caught.value)
    assert f"put it there as {here}." in str(caught.value)


def test_without_a_network_a_file_put_there_by_hand_is_used(archive, monkeypatch, here):
    monkeypatch.setenv(cache.MIRROR, "http://127.0.0.1:9")  # Nobody listens there.
    with pytest.raises(DownloadError, match="Connection refused"):
        weights.path(NAME)
    here.write_bytes(archive)
    assert weights.path(NAME) == here
    assert_holds_the_arrays(here)
    record = json.loads(here.with_name(f"{here.name}.json").read_text())
    assert record["sha256"] == hashlib.sha256(archive).hexdigest()


def test_a_file_put_there_by_hand_must_be_usable(here):
    here.parent.mkdir(parents=True)
    here.write_bytes(b"half an archive")
    with pytest.raises(DownloadError, match=f"{here} is no use as {NAME}: .*damaged"):
        weights.path(NAME)
    assert here.read_bytes() == b"half an archive"


def test_a_file_that_changed_is_refused(server, archive, here):
    server.files[URL] = archive
    weights.path(NAME)
    first, content = hashlib.sha256(archive).hexdigest(), bytearray(archive)
    content[len(content) // 2] ^= 1
    here.write_bytes(content)
    with pytest.raises(DownloadError, match=f"not the file that was there.*{first}"):
        weights.path(NAME)
    here.unlink()  # As the message says.
    assert weights.path(NAME).read_bytes() == archive


def test_another_file_from_the_server_is_refused_later(server, archive, here, tmp_path):
    server.files[URL] = archive
    weights.path(NAME)
    here.unlink()
    server.files[URL] = made.of_arrays(tmp_path / "other", {"logits/x": np.ones(3)})
    with pytest.raises(DownloadError, match="was not kept: its SHA-256 is"):
        weights.path(NAME)
    assert not here.exists()
    here.with_name(f"{here.name}.json").unlink()
    assert weights.path(NAME).read_bytes() == server.files[URL]


def test_a_record_without_its_hash_is_named(server, archive, here):
    server.files[URL] = archive
    weights.path(NAME)
    here.with_name(f"{here.name}.json").write_text("[]")
    with pytest.raises(DownloadError, match="tar.gz.json has no sha256"):
        weights.path(NAME)


def _ask(results):
    results.put(str(weights.path(NAME)))


def test_of_two_processes_one_downloads(server, archive, here):
    server.files[URL], server.chunk_delay_s = archive, 0.05
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    both = [context.Process(target=_ask, args=(results,)) for _ in range(2)]
    for process in both:
        process.start()
    assert [results.get(timeout=60) for _ in both] == [str(here)] * 2
    for process in both:
        process.join(10)
    assert server.requests == [(URL, None)]
    assert here.read_bytes() == archive


def test_a_cache_that_is_read_only_can_be_used(server, archive, here):
    """One person fills it for all."""
    server.files[URL] = archive
    weights.path(NAME)
    here.with_name(f".{here.name}.lock").unlink()
    here.parent.chmod(0o555)
    try:
        assert weights.path(NAME) == here
    finally:
        here.parent.chmod(0o755)
    assert not here.with_name(f".{here.name}.lock").exists()


def test_where_files_lie(monkeypatch, tmp_path):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    own = tmp_path / ".cache" / "deeplab_dpc" / "weights"
    assert cache.folder() == own
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "deeplab_dpc" / "weights"
    monkeypatch.setenv(cache.VARIABLE, "~/mine")
    assert cache.folder() == tmp_path / "mine" / "weights"
    monkeypatch.delenv(cache.MIRROR, raising=False)
    assert cache.address(ENTRY) == ENTRY.address


def test_the_downloads_lie_where_the_server_said(server, archive):
    """Read by the tools of everybody else."""
    server.files[URL] = archive
    with tarfile.open(weights.path(NAME)) as opened:
        names = {os.path.basename(name) for name in opened.getnames()}
    assert names >= {"model.ckpt.index", "model.ckpt.data-00000-of-00001"}
