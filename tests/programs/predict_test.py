"""deeplab-dpc predict as it is typed, and every command of its page."""

import csv
import os
import shlex

import numpy as np
import pytest
from absl import app, flags
from PIL import Image

from deeplab_dpc import files, weights
from deeplab_dpc.config import ModelConfig
from deeplab_dpc.evaluation.photos import PhotoError, read
from deeplab_dpc.model import build_model
from deeplab_dpc.programs import predict as program
from deeplab_dpc.runs import Run
from deeplab_dpc.segmenter.sources import SourceError
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.weights import cache
from tests import forked, reader
from tests.programs import tiny_run
from tests.programs.tiny_run import opened
from tests.segmenter.sources_test import write_video
from tests.weights import archives

PIXELS = tiny_run.images()["three"][0]
PAGE = "g3doc/predict.md"


def predict(*arguments):
    """Runs the program in this process with these arguments."""
    values = flags.FlagValues()
    program.define_flags(values)
    program.main(values(["predict", *map(str, arguments)]), values)


@pytest.fixture
def photos(tmp_path):
    """Two files of one name in two folders, and one with a picture's ending."""
    for i, name in enumerate(("a.png", "a.jpg", "a_overlay.png", "more/a.png")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.roll(PIXELS, i * 9, axis=1)).save(path)
    return tmp_path / "photos"


def test_pictures_and_shares_of_all_photos(read_only_run, photos, tmp_path, capsys):
    out, inner = tmp_path / "out", photos / "more"
    predict(f"--model={read_only_run}", f"--output_dir={out}", photos, f"{inner}/*.png")
    assert sorted(path.name for path in out.iterdir()) == [
        *("colors", "ids", "overlays", "shares.csv")
    ]
    with (out / "shares.csv").open() as file:
        rows = list(csv.DictReader(file))
    paths = sorted(photos.glob("*.*")) + [inner / "a.png"]
    assert [row["path"] for row in rows] == list(map(str, paths))
    names = [row["name"] for row in rows]
    assert names[:2] == ["a", "a_2"] and len(set(names)) == 4
    images = [read(path) for path in paths]
    for row, labels in zip(rows, Run.open(read_only_run).predict(images), strict=True):
        file = f"{row['name']}.png"
        np.testing.assert_array_equal(opened(out / "ids" / file), labels)
        colors = np.array(tiny_run.COLORS)[labels]
        np.testing.assert_array_equal(opened(out / "colors" / file), colors)
        assert opened(out / "overlays" / file).shape == (41, 37, 3)
        for i, name in enumerate(tiny_run.NAMES):
            assert float(row[name]) == pytest.approx((labels == i).mean(), abs=1e-6)
    told = capsys.readouterr()
    assert "4 images by" in told.out and "4 images in " in told.err


def test_bad_photos_are_listed_at_the_end(read_only_run, photos, tmp_path):
    (photos / "bad.png").write_bytes(b"no photo")
    arguments = f"--model={read_only_run}", f"--output_dir={tmp_path / 'out'}"
    with pytest.raises(
        PhotoError, match="Left out 2 of 5 photos; what was drawn is in"
    ):
        predict(*arguments, photos, photos / "gone.png")
    assert len(list((tmp_path / "out" / "ids").iterdir())) == 3
    assert (tmp_path / "out" / "shares.csv").read_text().count("\n") == 4


def test_two_predict_into_one_folder(read_only_run, photos, tmp_path):
    """A photo of one could take the place of the other's of the same name."""
    (tmp_path / "out").mkdir()
    with files.claimed(tmp_path / "out" / files.LOCK):
        with pytest.raises(
            files.LockedError, match=f"written by process {os.getpid()}"
        ):
            predict(f"--model={read_only_run}", f"--output_dir={tmp_path}/out", photos)
        assert len(list((tmp_path / "out").iterdir())) == 1


def test_frames_of_a_video_are_numbered(read_only_run, tmp_path):
    write_video(tmp_path / "clip.mp4", [0, 100, 200])
    out = tmp_path / "out"
    predict(f"--model={read_only_run}", f"--output_dir={out}", tmp_path / "clip.mp4")
    names = [f"clip_{i:06d}.png" for i in (1, 2, 3)]
    assert sorted(path.name for path in (out / "overlays").iterdir()) == names


def test_what_is_missing_or_cannot_be(read_only_run, photos, tmp_path):
    model, out = f"--model={read_only_run}", f"--output_dir={tmp_path / 'out'}"
    with pytest.raises(app.UsageError, match="--model is missing"):
        predict(out, photos)
    with pytest.raises(app.UsageError, match="--output_dir is missing"):
        predict(model, photos)
    with pytest.raises(app.UsageError, match="No photos are given"):
        predict(model, out)
    with pytest.raises(SourceError, match="https://a.org/b.png: addresses are not"):
        predict(model, out, "https://a.org/b.png")
    inside = tmp_path / "out" / "overlays"
    inside.mkdir(parents=True)
    Image.fromarray(PIXELS).save(inside / "a.png")
    with pytest.raises(app.UsageError, match="overlays/a.png is to be read.*another"):
        predict(model, out, inside)
    np.testing.assert_array_equal(opened(inside / "a.png"), PIXELS)


def test_the_example_without_the_package_gives_ids_in_the_classes_colours(
    read_only_run, read_only_export, photos, tmp_path
):
    code, told = forked.run(
        "examples/call_saved_model.py",
        *(str(read_only_export), str(photos / "a.png"), str(photos / "more" / "a.png")),
        f"--output_dir={tmp_path / 'called'}",
    )
    assert code == 0 and "a.png -> " in told, told
    (labels,) = Run.open(read_only_run).predict([opened(photos / "a.png")])
    assert ", ".join(tiny_run.NAMES[i] for i in np.unique(labels)) in told
    with Image.open(tmp_path / "called" / "a.png") as file:
        np.testing.assert_array_equal(np.asarray(file), labels)
        shown = np.asarray(file.convert("RGB"))
    np.testing.assert_array_equal(shown, np.array(tiny_run.COLORS)[labels])
    assert (tmp_path / "called" / "a_2.png").is_file()


@pytest.fixture(scope="module")
def typed(tmp_path_factory, read_only_run, read_only_export):
    """A folder with what the page's commands read, and the page's blocks of code."""
    folder = tmp_path_factory.mktemp("typed")
    os.symlink(read_only_run, folder / "run")
    os.symlink(read_only_export, folder / "export")
    tiny_run.model(10).save(folder / "model.keras")
    (folder / "photos" / "2024").mkdir(parents=True)
    for name in ("photos/cat.jpg", "photos/dog.png", "photos/2024/sea.jpg"):
        Image.fromarray(PIXELS).save(folder / name)
    write_video(folder / "clip.mp4", [0, 100])
    entry = weights.find("mobilenetv2_coco_voc_trainaug")
    arrays = variables_by_tf1_name(build_model(ModelConfig()))
    archive = archives.of_arrays(
        folder / "zoo", {name: np.asarray(v) for name, v in arrays.items()}
    )
    (folder / "cache" / "weights").mkdir(parents=True)
    (folder / "cache" / "weights" / entry.file).write_bytes(archive)
    return folder


@pytest.mark.parametrize("command", reader.commands(PAGE))
def test_each_command_of_the_page_runs(typed, monkeypatch, command):
    monkeypatch.chdir(typed)
    monkeypatch.setenv(cache.VARIABLE, str(typed / "cache"))
    words = shlex.split(command)
    assert words[:2] == ["deeplab-dpc", "predict"], command
    predict(*words[2:])
    (out,) = (w.partition("=")[2] for w in words if w.startswith("--output_dir="))
    assert list((typed / out / "overlays").glob("*.png"))


def test_the_python_of_the_page_runs(typed, monkeypatch):
    monkeypatch.chdir(typed)
    monkeypatch.setenv(cache.VARIABLE, str(typed / "cache"))
    variables: dict = {}
    for block in reader.blocks(PAGE, "python"):
        exec(block, variables)
    assert (typed / "overlays" / "cat.png").is_file()
