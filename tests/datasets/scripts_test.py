"""The shell scripts, on archives made of the real slices."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest

from tests import goldens
from tests.programs.convert import stored
from tests.programs.convert.programs import FOLDER

SAMPLES = goldens.REAL_DATA / "samples"
VOC = "VOCtrainval_11-May-2012.tar"
VOC_SCRIPT = "download_and_convert_voc2012.sh"
ADE20K = "ADEChallengeData2016.zip"

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("unzip")),
    reason="the scripts need curl and unzip",
)


def run(script, *arguments, **environment):
    env = {**os.environ, "PYTHON": sys.executable, **environment}
    return subprocess.run(
        ["bash", str(FOLDER / script), *map(str, arguments)],
        env=env,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def server(tmp_path):
    """A folder of archives, as a file:// address."""
    folder = tmp_path / "server"
    folder.mkdir()
    voc = shutil.make_archive(f"{folder}/voc", "tar", SAMPLES / "pascal_voc")
    shutil.move(voc, folder / VOC)
    archive = shutil.make_archive(f"{folder}/ade", "zip", SAMPLES / "ade20k")
    shutil.move(archive, folder / ADE20K)
    return folder


def voc_environment(server):
    md5 = hashlib.md5((server / VOC).read_bytes()).hexdigest()
    return {"VOC_BASE_URL": f"file://{server}", "VOC_MD5": md5}


@pytest.mark.slow
@goldens.real_data_needed
def test_voc_is_downloaded_and_converted(server, tmp_path):
    """The download goes on where an earlier one was cut off."""
    work = tmp_path / "work"
    work.mkdir()
    (work / f"{VOC}.part").write_bytes((server / VOC).read_bytes()[:100_000])
    done = run(VOC_SCRIPT, work, "--splits=val", **voc_environment(server))
    assert done.returncode == 0, done.stderr
    assert (work / VOC).read_bytes() == (server / VOC).read_bytes()
    assert len(stored.ids(work / "tfrecord", "val")) == 5
    (server / VOC).unlink()
    again = run(VOC_SCRIPT, work, VOC_MD5="x")
    assert again.returncode == 0, again.stderr
    assert "is here already" in again.stdout and "unpacked already" in again.stdout
    assert len(stored.ids(work / "tfrecord", "trainval")) == 9
    assert sorted(p.name for p in work.iterdir()) == ["VOCdevkit", VOC, "tfrecord"]


@goldens.real_data_needed
def test_ade20k_is_downloaded_and_converted(server, tmp_path):
    sha1 = hashlib.sha1((server / ADE20K).read_bytes()).hexdigest()
    settings = {"ADE20K_BASE_URL": f"file://{server}", "ADE20K_SHA1": sha1}
    done = run("download_and_convert_ade20k.sh", tmp_path / "work", **settings)
    assert done.returncode == 0, done.stderr
    assert len(stored.ids(tmp_path / "work/tfrecord", "val")) == 3


@goldens.real_data_needed
def test_a_wrong_checksum_and_a_wrong_address_leave_nothing(server, tmp_path):
    work = tmp_path / "work"
    settings = voc_environment(server)
    done = run(VOC_SCRIPT, work, **settings | {"VOC_MD5": "abc"})
    assert done.returncode == 1
    assert f"its md5sum is {settings['VOC_MD5']}, not abc" in done.stderr
    assert not list(work.iterdir())
    done = run(VOC_SCRIPT, work, VOC_BASE_URL="file:///nowhere")
    assert done.returncode == 1
    assert "The download of file:///nowhere/VOC" in done.stderr


def test_an_archive_of_something_else(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "server").mkdir()
    made = shutil.make_archive(f"{tmp_path}/server/x", "tar", tmp_path, "other")
    shutil.move(made, tmp_path / "server" / VOC)
    done = run(
        VOC_SCRIPT,
        tmp_path / "work",
        VOC_BASE_URL=f"file://{tmp_path}/server",
        VOC_MD5="",
    )
    assert done.returncode == 1
    assert "holds no VOCdevkit, but other" in done.stderr


def test_cityscapes_says_what_to_download(tmp_path):
    done = run("convert_cityscapes.sh", tmp_path / "cityscapes")
    assert done.returncode == 1
    for text in (
        "cityscapes has no leftImg8bit gtFine",
        "Register at https://www.cityscapes-dataset.com",
        "leftImg8bit_trainvaltest.zip (11 GB) and gtFine_trainvaltest.zip",
    ):
        assert text in done.stderr


@goldens.real_data_needed
def test_cityscapes_from_its_zip_files(tmp_path):
    root = tmp_path / "cityscapes"
    root.mkdir()
    for part in ("leftImg8bit", "gtFine"):
        for folder in ("train", "val"):
            shutil.copytree(
                SAMPLES / "cityscapes" / part / folder,
                tmp_path / "unpacked" / part / folder,
                ignore=shutil.ignore_patterns("*_color.png"),
            )
        shutil.make_archive(
            f"{root}/{part}_trainvaltest", "zip", tmp_path / "unpacked", part
        )
    done = run("convert_cityscapes.sh", root, "--splits=val_fine")
    assert done.returncode == 0, done.stderr
    assert len(stored.ids(root / "tfrecord", "val_fine")) == 3
