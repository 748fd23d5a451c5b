"""Several processes: the same bytes, clear ends. The long ones kill real programs."""

import dataclasses
import filecmp
import io
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion import workers, workspace
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.shard_maker import ShardPlan
from deeplab_dpc.conversion.sources import Item, Source
from deeplab_dpc.data.dataset_info import DatasetError
from tests import goldens, nightly
from tests.conversion.toy import convert

NAMES = [f"image{i:02d}" for i in range(24)]
SIZE = (900, 1200)
READER = reading.Ids(2)


@dataclasses.dataclass(frozen=True)
class Deadly:
    """A reader whose process is killed at one label, as by a lack of memory."""

    def __call__(self, path):
        if path.stem == "image20":
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros(SIZE, np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """24 large images of noise, so that a process needs some seconds for them."""
    folder = tmp_path_factory.mktemp("noise")
    for name in ("images", "labels", "lists"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    for i, name in enumerate(NAMES):
        paths = [folder / f"{kind}/{name}.png" for kind in ("images", "labels")]
        if i < 3:
            image = rng.integers(0, 256, (*SIZE, 3), np.uint8)
            Image.fromarray(image).save(paths[0], compress_level=1)
            Image.fromarray(image[..., 0] % 2).save(paths[1], compress_level=1)
        else:
            for path in paths:
                os.link(path.with_stem(NAMES[i % 3]), path)
    (folder / "lists/train.txt").write_text("\n".join(NAMES[:16]))
    (folder / "lists/val.txt").write_text("\n".join(NAMES[16:]))
    (folder / "classes.json").write_text(json.dumps({"classes": ["a", "b"]}))
    return folder


def source_of(folder, reader=READER):
    items = [
        Item(n, folder / f"images/{n}.png", folder / f"labels/{n}.png") for n in NAMES
    ]
    splits = {"train": items[:16], "val": items[16:]}
    return Source("noise", ("a", "b"), ((0, 0, 0), (128, 0, 0)), splits, reader)


def assert_same(a, b):
    names = sorted(path.name for path in a.iterdir())
    assert names == sorted(path.name for path in b.iterdir())
    assert filecmp.cmpfiles(a, b, names, shallow=False) == (names, [], [])


@pytest.fixture(scope="module")
def expected(folder):
    """What one process writes."""
    convert(source_of(folder), folder / "expected", num_workers=1)
    return folder / "expected"


def test_small_data_need_no_other_process(folder, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    items = source_of(folder).splits["train"]
    tasks = [ShardPlan("train", str(i), items[i::8]) for i in range(8)]
    assert workers._count(tasks, wanted=0) == 1
    assert workers._count(tasks * 20, wanted=0) == 4
    assert workers._count(tasks * 20, wanted=3) == 3
    assert workers._count(tasks[:2], wanted=3) == 2
    assert workers._count([], wanted=0) == 0


@pytest.mark.slow
def test_more_processes_write_the_same(folder, expected, tmp_path):
    convert(source_of(folder), tmp_path / "out", num_workers=3)
    assert_same(tmp_path / "out", expected)


@pytest.mark.slow
def test_a_dying_process_is_reported_and_what_is_done_stays(folder, tmp_path):
    output, log = tmp_path / "out", io.StringIO()
    with pytest.raises(DatasetError, match="A process of the conversion died.*dmesg"):
        convert(source_of(folder, Deadly()), output, num_workers=2)
    done = sorted((output / workspace.NAME).glob("*.tfrecord.json"))
    assert done and not list(output.glob("*.tfrecord"))
    source = source_of(folder, Deadly())
    source = dataclasses.replace(
        source,
        splits={"train": source.splits["train"], "val": source.splits["val"][:4]},
    )
    convert(source, output, log, num_workers=1)
    assert "shards need not be made again" in log.getvalue()


@pytest.mark.slow
def test_a_wrong_file_ends_all_processes(folder, tmp_path):
    source = source_of(folder, reading.Ids(1))
    with pytest.raises(DatasetError, match="label 1, but the data set has 1 class"):
        convert(source, tmp_path / "out", num_workers=2)
    assert not (tmp_path / "out").exists()


def start(folder, output):
    """The program as a user runs it, with two processes, in a group of its own."""
    return subprocess.Popen(
        [
            sys.executable,
            str(goldens.ROOT / "datasets/build_folder_data.py"),
            *(f"--{name[:-1]}_dir={folder}/{name}" for name in ("images", "labels")),
            f"--list_dir={folder}/lists",
            f"--classes_json={folder}/classes.json",
            f"--output_dir={output}",
            "--name=noise",
            "--num_workers=2",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def finish(folder, output):
    program = start(folder, output)
    _, errors = program.communicate()
    assert program.returncode == 0, errors
    return errors


def assert_all_gone(group, within_s=20):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"processes of group {group} live on")


def finished_shards(output):
    return len(list((output / workspace.NAME).glob("*.tfrecord.json")))


def wait_for_shards(program, output, count):
    while program.poll() is None and finished_shards(output) < count:
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_as_if_never(folder, expected, tmp_path):
    """SIGKILL three times (ten nightly) in 2 to 10 s, then none; the moments, one in each
    part of that time, are seeded."""
    output, moments, done = tmp_path / "out", random.Random(0), 0
    count = nightly.of(3, 10)
    for i in moments.sample(range(count), count):
        program = start(folder, output)
        time.sleep(2 + 8 * moments.uniform(i, i + 1) / count)
        program.kill()
        program.communicate()
        assert_all_gone(program.pid)
        assert finished_shards(output) >= done or (output / "dataset.json").exists()
        done = finished_shards(output)
    finish(folder, output)
    assert_same(output, expected)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end_it_does_so_in_good_order(folder, expected, tmp_path, number):
    output = tmp_path / "out"
    program = start(folder, output)
    wait_for_shards(program, output, 1)
    os.killpg(program.pid, number) if number == signal.SIGINT else program.terminate()
    printed, errors = program.communicate()
    assert program.returncode == 128 + number, errors
    assert f"Stopped by {signal.Signals(number).name}. {output} is as it was" in errors
    assert "Traceback" not in errors and printed == ""
    assert_all_gone(program.pid)
    assert not list(output.glob("*.tfrecord"))
    assert "shards need not be made again" in finish(folder, output)
    assert_same(output, expected)
