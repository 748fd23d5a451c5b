"""vis.py as it is typed: which files come, and what is in them; what is handed in."""

import dataclasses
import zipfile

import numpy as np
import pytest
from absl import app
from PIL import Image

from deeplab_dpc import files, inference
from deeplab_dpc.config import ConfigError
from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.evaluation.photos import PhotoError
from deeplab_dpc.evaluation.submission import SubmissionError
from deeplab_dpc.files import OutputError
from deeplab_dpc.programs import vis as program
from deeplab_dpc.reports import predictions
from deeplab_dpc.training.compatibility import ContradictionError
from tests import small_records
from tests.programs import tiny_run
from tests.programs.tiny_run import opened


def draw(run, out, *arguments):
    """Runs the program; gives the names of the files in the folder."""
    flags = [f"--checkpoint_dir={run}", f"--vis_logdir={out}", *arguments]
    tiny_run.run(program, *flags)
    return sorted(path.name for path in out.iterdir())


@pytest.fixture(scope="module")
def drawn(read_only_run, tmp_path_factory):
    """The pictures of the run's own split."""
    out = tmp_path_factory.mktemp("vis")
    draw(read_only_run, out, "--also_save_raw_predictions")
    return out


def test_every_image_has_its_pictures_even_with_equal_names(drawn):
    """`a/one.jpg` and `b/one.jpg` keep apart; folders and endings go."""
    endings = "", "_image", "_prediction", "_overlay", "_ground_truth", "_errors"
    pictures = {f"{n}{end}.png" for n in ("a_one", "b_one", "three") for end in endings}
    assert {path.name for path in drawn.iterdir()} == {*pictures, "raw"}


def test_the_run_folder_is_the_default_and_the_number_of_images_a_limit(run_dir):
    flags = "--max_number_of_images=1", "--colormap_type=pascal"
    tiny_run.run(program, f"--checkpoint_dir={run_dir}", *flags)
    assert len(list((run_dir / "vis").glob("*.png"))) == 6
    found = opened(run_dir / "vis" / "a_one_prediction.png").reshape(-1, 3)
    legal = {tuple(color) for color in colormaps.pascal(3).tolist()}
    assert {tuple(color) for color in np.unique(found, axis=0).tolist()} <= legal


def test_two_draw_into_one_folder(read_only_run, tmp_path):
    with files.claimed(tmp_path / files.LOCK):
        with pytest.raises(files.LockedError, match="is being written by process"):
            draw(read_only_run, tmp_path)
        assert len(list(tmp_path.iterdir())) == 1


def test_a_split_without_labels_has_no_ground_truth(read_only_run, tmp_path):
    names = draw(read_only_run, tmp_path, "--vis_split=test", "--vis_batch_size=2")
    assert len(names) == 3 * 4
    assert not any("ground_truth" in name for name in names)


def test_pictures_show_image_prediction_and_truth_without_padding(drawn):
    model, colors = tiny_run.model(10), np.array(tiny_run.COLORS)
    for name, (image, label) in tiny_run.images().items():
        stem = name.replace("/", "_").removesuffix(".jpg")
        height, width = label.shape
        labels = np.asarray(inference.labels(model, tiny_run.padded(image)))
        labels = labels[0, :height, :width]
        np.testing.assert_array_equal(opened(drawn / f"{stem}_image.png"), image)
        raw = opened(drawn / "raw" / f"{stem}.png")
        assert np.mean(raw == labels) > 0.999 and raw.shape == labels.shape
        painted = opened(drawn / f"{stem}_prediction.png")
        np.testing.assert_array_equal(painted, colors[raw])
        truth = opened(drawn / f"{stem}_ground_truth.png")
        known = label != 255
        np.testing.assert_array_equal(truth[known], colors[label[known]])


def test_ones_own_photos_need_no_records(read_only_run, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    pixels = tiny_run.images()["three"][0]
    Image.fromarray(pixels).save(photos / "cat.png")
    Image.fromarray(pixels).save(tmp_path / "dog.png")
    given = f"--image_dir={photos}", f"--images={tmp_path / 'dog.png'}"
    names = draw(read_only_run, out, *given, "--dataset_dir=/nowhere")
    endings = "", "_image", "_prediction", "_overlay"
    assert names == sorted(f"{n}{end}.png" for n in ("cat", "dog") for end in endings)
    np.testing.assert_array_equal(opened(out / "cat_image.png"), pixels)
    cat, dog = (opened(out / f"{name}_prediction.png") for name in ("cat", "dog"))
    np.testing.assert_array_equal(cat, dog)


def test_one_bad_photo_does_not_end_a_folder_of_good_ones(read_only_run, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    pixels = tiny_run.images()["three"][0]
    for name in ("a.png", "c.jpg", "c.png"):
        Image.fromarray(pixels).save(folder / name)
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:99])
    (folder / "notes.txt").write_text("no photo")
    with pytest.raises(PhotoError, match="Left out 1 of 4 photos; .*\n.*b.png is"):
        draw(read_only_run, out, f"--image_dir={folder}")
    sheets = [path.name for path in out.glob("*.png") if "_image" in path.name]
    assert sorted(sheets) == ["a_image.png", "c_2_image.png", "c_image.png"]


def test_names_of_files():
    """Folders and endings go; no name is used twice."""
    alone = {
        "aachen/aachen_000.png": "aachen_aachen_000",
        "../../etc/passwd": "etc_passwd",
        "2008_000123": "2008_000123",
        "Größe 3.JPEG": "Größe_3",
        "v1.5": "v1.5",
        "": "image",
    }
    assert {name: predictions.file_name(name, set()) for name in alone} == alone
    used: set[str] = set()
    given = "a.jpg", "a.png", "a_2", "a"
    names = [predictions.file_name(name, used) for name in given]
    assert names == ["a", "a_2", "a_2_2", "a_3"]
    assert predictions.file_name("a_image.png", used) == "a_image_2"
    assert len(predictions.file_name("ä" * 200, used).encode()) == 180


def test_photos_are_not_drawn_into_their_own_folder(read_only_run, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(app.UsageError, match=r"has photos .*\(a.png\).*another folder"):
        draw(read_only_run, tmp_path, f"--image_dir={tmp_path}")
    assert (tmp_path / "a.png").read_bytes() == before


REFUSED = {
    "--vis_split=val --image_dir=photos": (app.UsageError, "split=val.*one of them"),
    "--image_dir=/nowhere": (PhotoError, "no folder"),
    "--vis_split=train": (DatasetError, "'train'"),
    "--checkpoint_dir=": (app.UsageError, "--checkpoint_dir is missing"),
    "--vis_logdir=file": (OutputError, "--vis_logdir"),
    "--model_variant=xception_41": (ContradictionError, "xception_41.*mobilenet_v2"),
    "--colormap_type=cityscapes": (ConfigError, "2 colours.*3 classes"),
}


@pytest.mark.parametrize("flags", REFUSED)
def test_errors_leave_nothing(read_only_run, tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(colormaps, "colormap", lambda name: np.zeros((2, 3)))
    (tmp_path / "file").write_text("")
    error, words = REFUSED[flags]
    with pytest.raises(error, match=words):
        draw(read_only_run, tmp_path, *flags.split())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def voc_run(folder, *names):
    """A run on PASCAL VOC, with its 21 classes and images that are called so."""
    rng = np.random.default_rng(0)
    pictures = {n: (rng.integers(0, 256, (40, 30, 3), "uint8"), None) for n in names}
    sizes = {"test": small_records.write(folder / "records", "test", pictures)}
    info = dataset_info.known("pascal_voc_seg")
    dataclasses.replace(info, split_sizes=sizes).save(folder / "records")
    tiny_run.write_run(folder / "run", folder / "records", num_classes=21)
    return folder / "run"


def draw_test(run_dir, out, *flags):
    draw(run_dir, out, "--vis_split=test", "--also_save_raw_predictions", *flags)


VOC_FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"


def test_voc_predictions_are_the_raw_ones_in_the_servers_layout(tmp_path):
    run, out = voc_run(tmp_path, "2008_000006", "2008_000011"), tmp_path / "vis"
    draw_test(run, out)
    with zipfile.ZipFile(out / "submission.zip") as file:
        names = file.namelist()
    assert names == [f"{VOC_FOLDER}/2008_0000{end}.png" for end in ("06", "11")]
    for name in names:
        found = opened(out / "submission" / name)
        raw = opened(out / "raw" / name.rpartition("/")[2])
        np.testing.assert_array_equal(found, raw)
        assert found.shape == (40, 30) and len(np.unique(found)) > 1


@pytest.mark.slow
def test_windows_reach_the_pictures_and_resized_images_are_not_handed_in(tmp_path):
    run, found = voc_run(tmp_path, "2008_000006"), []
    for i, flag in enumerate(("", "--sliding_window=17,17", "--min_resize_value=20")):
        draw_test(run, tmp_path / f"vis{i}", *flag.split())
        found.append(opened(tmp_path / f"vis{i}" / "raw/2008_000006.png"))
    assert (found[0] != found[1]).any()
    assert not (tmp_path / "vis2/submission").exists()


def test_an_image_of_another_name_is_told(tmp_path):
    with pytest.raises(SubmissionError, match="'holiday' is none of PASCAL VOC"):
        draw_test(voc_run(tmp_path, "holiday"), tmp_path / "vis")


@pytest.mark.parametrize(
    "second, is_handed_in", [("2008_000011", True), ("cat", False)]
)
def test_files_are_handed_in_if_all_have_names_of_the_benchmark(
    tmp_path, second, is_handed_in
):
    """VOC's test images have no labels, so they are in no records."""
    (tmp_path / "images").mkdir()
    for name in ("2008_000006", second):
        Image.new("RGB", (30, 20)).save(tmp_path / f"images/{name}.jpg")
    flags = f"--image_dir={tmp_path / 'images'}", "--also_save_raw_predictions"
    draw(voc_run(tmp_path, "2008_000006"), tmp_path / "vis", *flags)
    folder = tmp_path / "vis/submission" / VOC_FOLDER
    assert (folder / "2008_000006.png").is_file() == is_handed_in
    assert (tmp_path / "vis/submission.zip").is_file() == is_handed_in


def test_other_data_sets_have_only_raw_predictions(run_dir, tmp_path):
    draw_test(run_dir, tmp_path / "vis")
    names = sorted(path.name for path in (tmp_path / "vis/raw").iterdir())
    assert names == ["a_one.png", "b_one.png", "three.png"]
    assert not (tmp_path / "vis/submission").exists()
