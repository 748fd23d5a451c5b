"""convert_checkpoint.py: archives of the model zoo, simulated from the goldens."""

import json
import tarfile

import numpy as np
import pytest
import tensorflow as tf
from absl import app
from PIL import Image

import deeplab_dpc
from deeplab_dpc import WeightsError, build_model
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.files import OutputError
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.programs import convert_checkpoint as program
from deeplab_dpc.programs import eval as eval_program
from deeplab_dpc.programs import export_model, vis
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.training import run_folder
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.compatibility import ContradictionError
from deeplab_dpc.training.run_folder import RunConfig
from tests import goldens, small_records
from tests.programs import tiny_run
from tests.tf1 import zoo

CASE = "os16_65x65_b2"
FOLDERS = ["mobilenetv2_dpc", pytest.param("xception71_dpc", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=FOLDERS)
def archive(request, tmp_path_factory):
    """An unpacked archive, its run folder already made, and the golden's name."""
    folder = tmp_path_factory.mktemp("zoo") / request.param
    zoo.write(folder / "model.ckpt", goldens.weights(request.param))
    (folder / "frozen_inference_graph.pb").write_bytes(b"not looked at")
    tiny_run.run(program, f"--checkpoint_dir={folder}")
    return folder, request.param


@pytest.fixture(scope="module")
def stored(archive):
    return goldens.arrays(f"{archive[1]}/io_{CASE}")


@pytest.fixture(scope="module")
def scenes(stored, tmp_path_factory):
    """The golden's images as photos, and as the original's records of Cityscapes.

    Their labels are what the original predicts, and there is no `dataset.json`.
    """
    photos, data = (tmp_path_factory.mktemp(name) for name in ("photos", "records"))
    pairs = zip(stored["input"], stored["argmax"])
    pictures = {str(i): pair for i, pair in enumerate(pairs)}
    for name, (image, _) in pictures.items():
        Image.fromarray(image).save(photos / f"{name}.png")
    small_records.write(data, "val_fine", pictures)
    return photos, data


@goldens.needed
def test_a_converted_archive_gives_the_originals_logits(archive, stored):
    folder, name = archive
    run = RunConfig.load(folder / "run")
    model = build_model(run.model)
    assert run_folder.restore_model(model, folder / "run") == 0
    logits = model(stored["input"].astype(np.float32), training=False)
    assert goldens.deviation(stored, "merged_logits", logits) < 1e-4
    assert run.model.genotype == DPC_TOP1
    assert run.model.decoder_output_stride == ((4,) if "71" in name else None)
    assert run.dataset.name == "cityscapes"
    assert run.eval.eval_crop_size == (1025, 2049)


@pytest.mark.slow
@goldens.needed
def test_eval_vis_and_export_give_the_originals_predictions(
    archive, scenes, stored, tmp_path
):
    """The labels are the original's predictions: mIoU 1 but for ties."""
    run, (photos, data) = f"--checkpoint_dir={archive[0] / 'run'}", scenes
    where = f"--eval_logdir={tmp_path}", f"--dataset_dir={data}"
    tiny_run.run(eval_program, run, *where, "--eval_crop_size=65,65")
    scores = json.loads((tmp_path / "val_fine.json").read_text())
    assert scores["pixel_accuracy"] > 0.999

    where = f"--vis_logdir={tmp_path}", f"--image_dir={photos}"
    flags = "--vis_crop_size=65,65", "--also_save_raw_predictions"
    tiny_run.run(vis, run, *where, *flags)
    for i, expected in enumerate(stored["argmax"]):
        drawn = tiny_run.opened(tmp_path / "raw" / f"{i}.png")
        assert np.mean(drawn == expected) > 0.999

    tiny_run.run(export_model, run)  # With no flag but the folder.
    loaded = tf.saved_model.load(str(archive[0] / "run" / "export" / "1"))
    serve = loaded.signatures["serving_default"]
    found = serve(images=tf.constant(stored["input"]))["SemanticPredictions"]
    assert np.mean(np.asarray(found) == stored["argmax"]) > 0.999


@goldens.needed
@pytest.mark.slow
def test_eval_and_vis_need_no_other_flag_than_folders(archive, scenes):
    """Every image is padded to 1025x2049, as for the published scores."""
    folder, (photos, data) = archive[0] / "run", scenes
    tiny_run.run(eval_program, f"--checkpoint_dir={folder}", f"--dataset_dir={data}")
    assert (folder / "eval" / "val_fine.json").is_file()
    tiny_run.run(vis, f"--checkpoint_dir={folder}", f"--image_dir={photos}")
    assert (folder / "vis" / "0_overlay.png").is_file()


@goldens.needed
def test_the_way_back_gives_the_same_tensors(archive, tmp_path):
    folder, name = archive
    prefix = tmp_path / "out" / "model.ckpt"
    tiny_run.run(program, f"--checkpoint_dir={folder}/run", f"--tf1_prefix={prefix}")
    reader = tf.train.load_checkpoint(str(prefix))
    weights = goldens.weights(name)
    assert set(reader.get_variable_to_shape_map()) == {*weights, "global_step"}
    for key, value in weights.items():
        np.testing.assert_array_equal(reader.get_tensor(key), value)


def small_archive(path, classes=3, **settings):
    """A checkpoint of a narrow model; its weights by name."""
    config = deeplab_dpc.ModelConfig(
        num_classes=classes, depth_multiplier=0.25, aspp_convs_filters=8, **settings
    )
    variables = variables_by_tf1_name(build_model(config))
    weights = {n: goldens.recipe_value(n, v.shape) for n, v in variables.items()}
    zoo.write(path / "model.ckpt-30000", weights, slots=True)
    return weights


def convert(folder, *flags):
    tiny_run.run(program, f"--checkpoint_dir={folder}", *flags)


def test_flags_replace_what_is_assumed(tmp_path, capsys):
    small_archive(tmp_path, atrous_rates=(1, 2))
    convert(tmp_path, "--atrous_rates=1,2", "--eval_split=test")
    run = RunConfig.load(tmp_path / "run")
    assert run.model.atrous_rates == (1, 2) and run.eval.eval_split == "test"
    assert run.dataset.class_names == ("class 0", "class 1", "class 2")
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "atrous_rates 1,2 given flag" in printed
    for begin in ("depth_multiplier 0.25 read", "output_stride 16 assumed"):
        assert any(line.startswith(begin) for line in printed)


def test_the_data_set_may_be_given(tmp_path, dataset_dir):
    small_archive(tmp_path)
    convert(tmp_path, f"--dataset_dir={dataset_dir}", f"--run_dir={tmp_path}/x/y")
    run = RunConfig.load(tmp_path / "x" / "y")
    assert run.dataset == DatasetInfo.load(dataset_dir)
    assert run.data.dataset_dir == str(dataset_dir)


@pytest.mark.parametrize(
    "classes, name, settings",
    [
        (19, "cityscapes", {"eval_split": "val_fine", "eval_crop_size": (1025, 2049)}),
        (21, "pascal_voc_seg", {"eval_split": "val", "eval_crop_size": (513, 513)}),
        (151, "ade20k", {"min_resize_value": 513, "resize_factor": 16}),
        (7, "pascal_person_part", {"eval_split": "val"}),
    ],
)
def test_the_number_of_classes_tells_the_data_set(tmp_path, classes, name, settings):
    small_archive(tmp_path, classes)
    convert(tmp_path)
    run = RunConfig.load(tmp_path / "run")
    assert run.dataset.name == run.data.dataset == name
    found = {**run.eval.__dict__, **run.data.__dict__}
    assert {key: found[key] for key in settings} == settings


@pytest.mark.parametrize("name", ["zoo.tar.gz", "frozen_inference_graph.pb", "w.npz"])
def test_archives_frozen_graphs_and_npz_are_taken_as_they_are(tmp_path, capsys, name):
    weights = small_archive(tmp_path / "zoo")
    with tarfile.open(tmp_path / "zoo.tar.gz", "w:gz") as file:
        file.add(tmp_path / "zoo", "deeplabv3")
    zoo.freeze(tmp_path / "frozen_inference_graph.pb", weights)
    np.savez(tmp_path / "w.npz", **weights, global_step=7)
    convert(tmp_path / name)
    folder = tmp_path / ("zoo_run" if name == "zoo.tar.gz" else "run")
    model = build_model(RunConfig.load(folder).model)
    step = run_folder.restore_model(model, folder)
    assert step == (0 if name.endswith(".pb") else 7)
    for key, value in variables_by_tf1_name(model).items():
        np.testing.assert_array_equal(value, weights[key])
    assert ["num_classes", "3", "read"] in [
        line.split()[:3] for line in capsys.readouterr().out.splitlines()
    ]


def test_a_wrong_data_set_and_weights_that_do_not_fit_leave_nothing(tmp_path):
    weights = small_archive(tmp_path / "a")
    with pytest.raises(ContradictionError, match="19 classes.*checkpoint 3"):
        convert(tmp_path / "a", "--dataset=cityscapes")
    gamma = "MobilenetV2/Conv/BatchNorm/gamma"
    odd = {"odd": np.ones(3, "float32"), **weights}
    del odd[gamma]
    zoo.write(tmp_path / "b" / "model.ckpt", odd)
    with pytest.raises(WeightsError, match="1 missing .*Conv.*1 unexpected .odd"):
        convert(tmp_path / "b")
    weights[gamma] = np.full(8, np.nan, "float32")
    zoo.write(tmp_path / "c" / "model.ckpt", weights)
    with pytest.raises(WeightsError, match="NaN"):
        convert(tmp_path / "c")
    assert not list(tmp_path.glob("*/run")) and not list(tmp_path.glob("*/.run*"))


def test_errors(tmp_path, read_only_run):
    with pytest.raises(app.UsageError, match="--checkpoint_dir is missing"):
        tiny_run.run(program)
    with pytest.raises(app.UsageError, match="run folder already.*--tf1_prefix"):
        convert(read_only_run)
    small_archive(tmp_path)
    with pytest.raises(RunFolderError, match="convert_checkpoint.py --checkpoint_dir="):
        tiny_run.run(eval_program, f"--checkpoint_dir={tmp_path}")
    with pytest.raises(RunFolderError, match="convert_checkpoint.py"):
        convert(tmp_path, f"--tf1_prefix={tmp_path}/back.ckpt")
    convert(tmp_path)
    with pytest.raises(RunFolderError, match="run is there already.*--run_dir"):
        convert(tmp_path)
    with pytest.raises(OutputError, match="no data set.*--dataset_dir"):
        tiny_run.run(eval_program, f"--checkpoint_dir={tmp_path}/run")
    assert (tmp_path / "run" / "ckpt-7.index").is_file()  # Not 30000, as in its name.
