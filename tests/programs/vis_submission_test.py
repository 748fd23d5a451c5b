"""vis.py's files for the benchmarks' servers, from a run of theirs."""

import json
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab_dpc.data import dataset_info, records
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation.submission import SubmissionError
from deeplab_dpc.programs import vis as program
from tests.programs import tiny_run
from tests.programs.tiny_run import opened


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


def draw(run_dir, out, *flags):
    tiny_run.run(
        program,
        f"--checkpoint_dir={run_dir}",
        f"--vis_logdir={out}",
        "--vis_split=test",
        "--also_save_raw_predictions",
        *flags,
    )


def test_voc_predictions_are_the_raw_ones_in_the_servers_layout(run_dir, tmp_path):
    as_voc(run_dir, tmp_path / "records", ["2008_000006", "2008_000011"])
    out = tmp_path / "vis"
    draw(run_dir, out)
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
    draw(run_dir, tmp_path / "whole")
    draw(run_dir, tmp_path / "parts", "--sliding_window=17,17")
    whole, parts = (
        opened(tmp_path / name / "raw/2008_000006.png") for name in ("whole", "parts")
    )
    assert (whole != parts).any()


def test_resized_images_are_not_handed_in(run_dir, tmp_path):
    as_voc(run_dir, tmp_path / "records", ["2008_000006"])
    draw(run_dir, tmp_path / "vis", "--min_resize_value=20")
    assert (tmp_path / "vis/raw/2008_000006.png").is_file()
    assert not (tmp_path / "vis/submission").exists()


def test_an_image_of_another_name_is_told(run_dir, tmp_path):
    as_voc(run_dir, tmp_path / "records", ["holiday"])
    with pytest.raises(SubmissionError, match="'holiday' is none of PASCAL VOC"):
        draw(run_dir, tmp_path / "vis")


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
    tiny_run.run(
        program,
        f"--checkpoint_dir={run_dir}",
        f"--vis_logdir={tmp_path / 'vis'}",
        f"--image_dir={tmp_path / 'images'}",
        "--also_save_raw_predictions",
    )
    folder = tmp_path / "vis/submission/results/VOC2012/Segmentation/comp6_test_cls"
    assert (folder / "2008_000006.png").is_file() == is_handed_in
    assert (tmp_path / "vis/submission.zip").is_file() == is_handed_in


def test_other_data_sets_have_only_raw_predictions(run_dir, tmp_path):
    draw(run_dir, tmp_path / "vis")
    assert sorted(p.name for p in (tmp_path / "vis/raw").iterdir()) == [
        "a_one.png",
        "b_one.png",
        "three.png",
    ]
    assert not (tmp_path / "vis/submission").exists()
