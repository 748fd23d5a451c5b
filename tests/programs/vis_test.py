"""vis.py as it is typed: which files come, and what is in them; what is handed in."""

import json
import os
import re
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from absl import app
from PIL import Image

from deeplab_dpc import inference
from deeplab_dpc.config import ConfigError
from deeplab_dpc.data import colormaps, dataset_info, records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.evaluation.photos import PhotoError
from deeplab_dpc.evaluation.submission import SubmissionError
from deeplab_dpc.files import OutputError
from deeplab_dpc.programs import vis as program
from deeplab_dpc.reports import predictions
from deeplab_dpc.training.compatibility import ContradictionError
from tests import nightly
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
    names = {path.name for path in drawn.iterdir()}
    for name in ("a_one", "b_one", "three"):
        endings = "_image", "_prediction", "_overlay", "_ground_truth", "_errors"
        for ending in ("", *endings):
            assert f"{name}{ending}.png" in names
    assert len(names) == 3 * 6 + 1  # and raw/


def test_pictures_show_image_prediction_and_truth_without_padding(drawn):
    model, colors = tiny_run.model(10), np.array(tiny_run.COLORS)
    for name, (image, label) in tiny_run.images().items():
        stem = name.replace("/", "_").removesuffix(".jpg")
        height, width = label.shape
        padding = [(0, max(33 - height, 0)), (0, max(33 - width, 0)), (0, 0)]
        padded = np.pad(image.astype("float32"), padding, constant_values=127.5)
        labels = np.asarray(inference.labels(model, padded[None]))
        labels = labels[0, :height, :width]
        np.testing.assert_array_equal(opened(drawn / f"{stem}_image.png"), image)
        raw = opened(drawn / "raw" / f"{stem}.png")
        assert np.mean(raw == labels) > 0.999 and raw.shape == labels.shape
        painted = opened(drawn / f"{stem}_prediction.png")
        np.testing.assert_array_equal(painted, colors[raw])
        truth = opened(drawn / f"{stem}_ground_truth.png")
        known = label != 255
        np.testing.assert_array_equal(truth[known], colors[label[known]])


def test_the_run_folder_is_the_default_and_the_number_of_images_a_limit(run_dir):
    tiny_run.run(program, f"--checkpoint_dir={run_dir}", "--max_number_of_images=1")
    assert len(list((run_dir / "vis").glob("*.png"))) == 6


def test_a_split_without_labels_has_no_ground_truth(read_only_run, tmp_path):
    names = draw(read_only_run, tmp_path, "--vis_split=test", "--vis_batch_size=2")
    assert len(names) == 3 * 4
    assert not any("ground_truth" in name for name in names)


def test_a_colour_map_replaces_the_data_sets_colours(read_only_run, tmp_path):
    flags = ["--colormap_type=pascal", "--max_number_of_images=1"]
    draw(read_only_run, tmp_path, *flags)
    found = opened(tmp_path / "a_one_prediction.png").reshape(-1, 3)
    legal = {tuple(color) for color in colormaps.pascal(3).tolist()}
    assert {tuple(color) for color in np.unique(found, axis=0).tolist()} <= legal


def test_ones_own_photos_need_no_records(read_only_run, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    pixels = tiny_run.images()["three"][0]
    Image.fromarray(pixels).save(photos / "cat.png")
    Image.fromarray(pixels).save(tmp_path / "dog.png")
    names = draw(
        read_only_run,
        out,
        f"--image_dir={photos}",
        f"--images={tmp_path / 'dog.png'}",
        "--dataset_dir=/nowhere",
    )
    assert names == sorted(
        f"{name}{ending}.png"
        for name in ("cat", "dog")
        for ending in ("", "_image", "_prediction", "_overlay")
    )
    np.testing.assert_array_equal(opened(out / "cat_image.png"), pixels)
    np.testing.assert_array_equal(
        opened(out / "cat_prediction.png"), opened(out / "dog_prediction.png")
    )


def test_one_bad_photo_does_not_end_a_folder_of_good_ones(read_only_run, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    pixels = tiny_run.images()["three"][0]
    for name in ("a.png", "c.jpg", "c.png"):
        Image.fromarray(pixels).save(folder / name)
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:99])
    (folder / "notes.txt").write_text("no photo")
    with pytest.raises(PhotoError, match="1 of 4 photos were left out; .*\n.*b.png is"):
        draw(read_only_run, out, f"--image_dir={folder}")
    sheets = [path.name for path in out.glob("*.png") if "_image" in path.name]
    assert sorted(sheets) == ["a_image.png", "c_2_image.png", "c_image.png"]


@pytest.mark.parametrize(
    "name, file",
    [
        ("aachen/aachen_000.png", "aachen_aachen_000"),
        ("../../etc/passwd", "etc_passwd"),
        ("2008_000123", "2008_000123"),
        ("Größe 3.JPEG", "Größe_3"),
        ("v1.5", "v1.5"),
        ("", "image"),
    ],
)
def test_names_of_files(name, file):
    assert predictions.file_name(name, set()) == file


def _links(folder, rng, pixels):
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "around.png").symlink_to(".")
    (folder.parent / "far").mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder.parent / "far" / "x.png")
    (folder / "link.png").symlink_to(folder.parent / "far" / "x.png")


def _turned(folder, rng, pixels):
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(0, 12))
    Image.fromarray(pixels).save(folder / "turned.jpg", exif=exif)


def _cut(folder, rng, pixels):
    for ending in ("png", "jpg", "tif", "webp", "bmp"):
        path = folder / f"cut.{ending}"
        Image.fromarray(pixels).save(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(rng.integers(0, len(data) - 1))])


def _eps(folder, rng, pixels):
    Image.fromarray(pixels).save(folder / "a.eps")
    (folder / "a.eps").rename(folder / "eps as.png")


def _odd(folder, rng, pixels):
    os.mkfifo(folder / "pipe.png")
    (folder / "sub.png").mkdir()
    (folder / "sub").mkdir()
    for name in ("notes.TXT", "noending", ".hidden.png", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(rng.bytes(30))


def _capitals(folder, rng, pixels):
    for name in ("A.JPG", "b.Jpeg", "c.jPe", "d.JFIF", "e.PnG", "f.TIF", "g.WebP"):
        kind = {"PNG": "PNG", "TIF": "TIFF", "WEBP": "WEBP"}.get(
            name.split(".")[1].upper(), "JPEG"
        )
        Image.fromarray(pixels).save(folder / name, kind)


def _names(folder, rng, pixels):
    """Stems that are equal, or another's with a picture's ending; long, and of bytes."""
    names = "s.png", "s.jpg", "s.bmp", "s_image.png", "s_2.png", "ä" * 110 + ".png"
    for name in (*names, "a b  c!.png", "new\nline.png", "..png", "-.jpg"):
        kind = "JPEG" if name.endswith("jpg") else "BMP" if "bmp" in name else "PNG"
        Image.fromarray(pixels).save(folder / name, kind)
    Image.fromarray(pixels).save(os.fsencode(folder) + b"/caf\xe9.png", "PNG")


def _modes(folder, rng, pixels):
    """CMYK, 16 bits, palettes, grey, black and white, float, clear and half clear."""
    image = Image.fromarray(pixels)
    image.convert("CMYK").save(folder / "print.jpg")
    Image.fromarray(pixels[..., 0].astype("uint16") * 257).save(folder / "deep.png")
    for mode in ("P", "L", "1", "RGBA", "LA"):
        image.convert(mode).save(folder / f"mode_{mode}.png")
    image.convert("F").save(folder / "float.tif")
    alpha = Image.fromarray(pixels[..., 1])
    image.putalpha(alpha)
    image.save(folder / "clear.png")


def _huge(folder, rng, pixels):
    Image.new("1", (9000, 9000)).save(folder / "huge.png")
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png")
    Image.new("L", (1, 300)).save(folder / "thin.png")


KINDS = _links, _turned, _cut, _eps, _odd, _capitals, _names, _modes, _huge


@pytest.mark.parametrize("seed", range(nightly.of(2, 100)))
def test_folders_of_anything_are_drawn_or_counted_by_reason(
    read_only_run, tmp_path, seed, caplog
):
    """Each file is drawn, listed as bad, or counted; no photo is changed."""
    rng = np.random.default_rng(seed)
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for i in rng.choice(len(KINDS), rng.integers(1, 4), replace=False):
        size = *rng.integers(3, 24, 2), 3
        KINDS[i](folder, rng, rng.integers(0, 256, size, "uint8"))
    Image.fromarray(rng.integers(0, 256, (9, 9, 3), "uint8")).save(folder / "whole.png")
    there = list(folder.iterdir())
    before = {p: p.read_bytes() for p in there if p.is_file()}
    num_bad = 0
    try:
        draw(read_only_run, out, f"--image_dir={folder}")
    except PhotoError as e:
        num_bad = int(str(e).split(" of ")[0])
        assert str(e).count("\n  ") >= num_bad
    counted = re.findall(r"Left out, [^:]+: (\d+) \(", caplog.text)
    sheets = len(list(out.glob("*.png"))) / 4
    assert sheets + num_bad + sum(map(int, counted)) == len(there)
    assert {p: p.read_bytes() for p in there if p.is_file()} == before
    assert sheets >= 1


def test_photos_are_not_drawn_into_their_own_folder(read_only_run, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(app.UsageError, match=r"has photos .*\(a.png\).*another folder"):
        draw(read_only_run, tmp_path, f"--image_dir={tmp_path}")
    assert (tmp_path / "a.png").read_bytes() == before


def test_no_name_is_used_twice():
    used: set[str] = set()
    given = "a.jpg", "a.png", "a_2", "a"
    names = [predictions.file_name(name, used) for name in given]
    assert names == ["a", "a_2", "a_2_2", "a_3"]
    assert predictions.file_name("a_image.png", used) == "a_image_2"
    assert len(predictions.file_name("ä" * 200, used).encode()) == 180


def test_errors(read_only_run, tmp_path):
    with pytest.raises(app.UsageError, match="--vis_split=val.*one of them"):
        draw(read_only_run, tmp_path, "--vis_split=val", "--image_dir=photos")
    with pytest.raises(PhotoError, match="no folder"):
        draw(read_only_run, tmp_path, "--image_dir=/nowhere")
    with pytest.raises(DatasetError, match="'train'"):
        draw(read_only_run, tmp_path, "--vis_split=train")
    with pytest.raises(app.UsageError, match="--checkpoint_dir is missing"):
        tiny_run.run(program)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--vis_logdir"):
        draw(read_only_run, tmp_path / "file")
    with pytest.raises(ContradictionError, match="xception_41.*mobilenet_v2"):
        draw(read_only_run, tmp_path, "--model_variant=xception_41")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_colour_map_that_is_too_short_names_both_numbers(
    monkeypatch, read_only_run, tmp_path
):
    monkeypatch.setattr(colormaps, "colormap", lambda name: np.zeros((2, 3)))
    with pytest.raises(ConfigError, match="2 colours.*3 classes"):
        draw(read_only_run, tmp_path, "--colormap_type=cityscapes")


def as_voc(run_dir, folder, names):
    """Makes the run one on PASCAL VOC, its images called `names`, with 21 classes."""
    rng, known = np.random.default_rng(0), dataset_info.known("pascal_voc_seg")
    folder.mkdir()
    examples = []
    for name in names:
        png = tf.io.encode_png(rng.integers(0, 256, (40, 30, 3), "uint8"))
        record = records.Record(name, png.numpy(), "png", (40, 30), None)
        examples.append(records.encode(record))
    records.write_shard(folder / records.shard_name("test", 0, 1), examples)
    DatasetInfo(
        "pascal_voc_seg", known.class_names, known.colors, 255, {"test": len(names)}
    ).save(folder)
    config = json.loads((run_dir / "config.json").read_text())
    config["model"]["num_classes"] = 21
    config["data"]["dataset_dir"] = str(folder)
    config["dataset"] = DatasetInfo.load(folder).to_dict()
    (run_dir / "config.json").write_text(json.dumps(config))
    for path in run_dir.glob("ckpt-*"):
        path.unlink()
    tiny_run.write_checkpoint(run_dir, 10, num_classes=21)


def draw_test(run_dir, out, *flags):
    draw(run_dir, out, "--vis_split=test", "--also_save_raw_predictions", *flags)


def test_voc_predictions_are_the_raw_ones_in_the_servers_layout(run_dir, tmp_path):
    as_voc(run_dir, tmp_path / "records", ["2008_000006", "2008_000011"])
    out = tmp_path / "vis"
    draw_test(run_dir, out)
    with zipfile.ZipFile(out / "submission.zip") as file:
        names = file.namelist()
    folder = "results/VOC2012/Segmentation/comp6_test_cls"
    assert names == [f"{folder}/2008_000006.png", f"{folder}/2008_000011.png"]
    for name in names:
        found = opened(out / "submission" / name)
        raw = opened(out / "raw" / name.rpartition("/")[2])
        np.testing.assert_array_equal(found, raw)
        assert found.shape == (40, 30) and len(np.unique(found)) > 1


def test_windows_reach_the_pictures_too(run_dir, tmp_path):
    as_voc(run_dir, tmp_path / "records", ["2008_000006"])
    draw_test(run_dir, tmp_path / "whole")
    draw_test(run_dir, tmp_path / "parts", "--sliding_window=17,17")
    whole, parts = (
        opened(tmp_path / name / "raw/2008_000006.png") for name in ("whole", "parts")
    )
    assert (whole != parts).any()


def test_resized_images_are_not_handed_in(run_dir, tmp_path):
    as_voc(run_dir, tmp_path / "records", ["2008_000006"])
    draw_test(run_dir, tmp_path / "vis", "--min_resize_value=20")
    assert (tmp_path / "vis/raw/2008_000006.png").is_file()
    assert not (tmp_path / "vis/submission").exists()


def test_an_image_of_another_name_is_told(run_dir, tmp_path):
    as_voc(run_dir, tmp_path / "records", ["holiday"])
    with pytest.raises(SubmissionError, match="'holiday' is none of PASCAL VOC"):
        draw_test(run_dir, tmp_path / "vis")


@pytest.mark.parametrize(
    "second, is_handed_in", [("2008_000011", True), ("cat", False)]
)
def test_files_are_handed_in_if_all_have_names_of_the_benchmark(
    run_dir, tmp_path, second, is_handed_in
):
    """VOC's test images have no labels, so they are in no records."""
    as_voc(run_dir, tmp_path / "records", ["2008_000006"])
    (tmp_path / "images").mkdir()
    for name in ("2008_000006", second):
        Image.new("RGB", (30, 20)).save(tmp_path / f"images/{name}.jpg")
    images = f"--image_dir={tmp_path / 'images'}"
    draw(run_dir, tmp_path / "vis", images, "--also_save_raw_predictions")
    folder = tmp_path / "vis/submission/results/VOC2012/Segmentation/comp6_test_cls"
    assert (folder / "2008_000006.png").is_file() == is_handed_in
    assert (tmp_path / "vis/submission.zip").is_file() == is_handed_in


def test_other_data_sets_have_only_raw_predictions(run_dir, tmp_path):
    draw_test(run_dir, tmp_path / "vis")
    names = sorted(path.name for path in (tmp_path / "vis/raw").iterdir())
    assert names == ["a_one.png", "b_one.png", "three.png"]
    assert not (tmp_path / "vis/submission").exists()
