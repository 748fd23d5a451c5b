"""deeplab-dpc weights, and names where programs take checkpoints."""

import pathlib
import re

import numpy as np
import pytest
from absl import app, flags
from PIL import Image

from deeplab_dpc import Run, build_model, inference, load_tf1_weights, weights
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.programs import convert_checkpoint
from deeplab_dpc.programs import train as train_program
from deeplab_dpc.programs import weights as program
from deeplab_dpc.search.cache.features import Backbone
from deeplab_dpc.tf1 import WeightsError, variables_by_tf1_name
from deeplab_dpc.training import initialization
from deeplab_dpc.weights import PUBLISHED, DownloadError, UnknownNameError, cache
from tests import file_server, goldens, reader
from tests.programs import tiny_run
from tests.training import tiny
from tests.weights import archives as made

NAME = "mobilenetv2_coco_voc_trainaug"
ARRAYS = {"MobilenetV2/weights": np.full((3, 3, 3, 8), 0.5, "f4")}


@pytest.fixture
def server(tmp_path, monkeypatch):
    with file_server.running() as running:
        monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
        monkeypatch.setenv(cache.MIRROR, running.address)
        yield running


@pytest.fixture
def serve(server, tmp_path):
    """Serves these arrays as the archive of a name."""

    def make(name, arrays):
        content = made.of_arrays(tmp_path / name, arrays)
        server.files[f"/{weights.find(name).file}"] = content

    return make


def test_the_list_tells_all_names_and_which_files_are_here(serve, capsys):
    serve(NAME, ARRAYS)
    weights.path(NAME)
    program.main(["list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [e.name for e in PUBLISHED]
    assert [line.split()[0] for line in lines if " yes " in line] == [NAME]
    (line,) = (x for x in lines if x.startswith("xception71_dpc_cityscapes_trainfine"))
    columns = re.split(r"  +", line)[1:]
    model = "xception_71, DPC, decoder"
    assert columns == ["445 MB", "cityscapes", model, "80.31 val (16)"]


def test_get_downloads_and_prints_the_path(serve, capsys, tmp_path):
    serve(NAME, ARRAYS)
    program.main(["get", NAME])
    path = capsys.readouterr().out.strip()
    assert path == str(tmp_path / "cache" / "weights" / weights.find(NAME).file)
    assert pathlib.Path(path).is_file()


@pytest.mark.parametrize(
    "words, error, message",
    [
        ([], app.UsageError, "Nothing is no command; there are list, get NAME"),
        (["got", "x"], app.UsageError, "got x is no command"),
        (["get"], app.UsageError, "get what. `deeplab-dpc weights list`"),
        (["get", "imagenet"], UnknownNameError, "imagenet means the weights that fit"),
        (["get", "nothing"], UnknownNameError, "There are no weights 'nothing'"),
        (["get", NAME], DownloadError, "404"),
    ],
)
def test_what_cannot_be_done(server, words, error, message):
    with pytest.raises(error, match=message):
        program.main(words)


def test_the_python_of_the_page_runs(capsys):
    (code,) = reader.blocks("g3doc/weights.md", "python")
    found: dict = {}
    exec(code, found)
    assert capsys.readouterr().out.startswith("19 ('road', 'sidewalk') 445 MB http://")
    assert found["model"].output_shape[-1] == 19


def test_help_and_list_need_no_tensorflow(server):
    code = (
        "import sys; from deeplab_dpc.programs import weights; weights.table();"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    assert tiny_run.python("-c", code).returncode == 0


def test_imagenet_means_what_fits_the_model_in_training(serve, server):
    serve("mobilenet_v2_imagenet", ARRAYS)
    model = tiny.build_model(ModelConfig(num_classes=3))
    train = TrainConfig(tf_initial_checkpoint="imagenet")
    done = initialization.initialize(model, train)
    assert done.report.loaded == ("MobilenetV2/weights",)
    assert done.source == "imagenet"
    kernel = variables_by_tf1_name(model)["MobilenetV2/weights"]
    np.testing.assert_array_equal(kernel, ARRAYS["MobilenetV2/weights"])
    assert server.requests == [("/mobilenet_v2_1.0_224.tgz", None)]


def test_weights_of_another_backbone_are_refused_before_the_download(server):
    model = tiny.build_model(ModelConfig(num_classes=3))
    train = TrainConfig(tf_initial_checkpoint="xception_71_imagenet")
    with pytest.raises(UnknownNameError, match="the model has mobilenet_v2; pass"):
        initialization.initialize(model, train)
    assert not server.requests


def test_a_misspelt_name_is_told_the_right_one(tmp_path):
    model = tiny.build_model(ModelConfig(num_classes=3))
    path = str(tmp_path / "mobilenetv2_coco_voc_trainag")  # Made absolute by train.py.
    with pytest.raises(WeightsError, match=f"Did you mean {NAME}"):
        initialization.initialize(model, TrainConfig(tf_initial_checkpoint=path))


def test_an_archive_is_taken_by_its_path(server, serve, tmp_path):
    serve(NAME, ARRAYS)
    (path := tmp_path / "mine.tar.gz").write_bytes(next(iter(server.files.values())))
    found = initialization.read_weights(str(path))
    assert found.keys() == ARRAYS.keys() and not server.requests


def test_a_name_stays_a_name_and_a_path_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = flags.FlagValues()
    train_program.define_flags(values)
    for given, kept in {
        "imagenet": "imagenet",
        "./imagenet": str(tmp_path / "imagenet"),
        "w.npz": str(tmp_path / "w.npz"),
    }.items():
        needed = ("--dataset_dir=records", "--train_logdir=run")
        values(["train.py", *needed, f"--tf_initial_checkpoint={given}"])
        found = train_program.absolute_checkpoint(values)
        assert found == {"tf_initial_checkpoint": kept}


def test_a_search_computes_the_same_features_by_name(serve, tmp_path):
    config = ModelConfig(depth_multiplier=0.25)
    whole = variables_by_tf1_name(build_model(config)).items()
    arrays = {n: np.asarray(v) for n, v in whole if n.startswith("MobilenetV2")}
    np.savez(tmp_path / "w.npz", **arrays)
    serve("mobilenet_v2_imagenet", arrays)
    sums = [
        Backbone(config, TrainConfig(tf_initial_checkpoint=source)).weights_sha256()
        for source in (str(tmp_path / "w.npz"), "imagenet")
    ]
    assert sums[0] == sums[1]


@goldens.real_data_needed
def test_a_published_model_becomes_a_run_by_its_name(serve, tmp_path, monkeypatch):
    """Real weights of VOC, from an archive as the zoo has it to labels of a photo."""
    name, folder = "mobilenetv2_dm05_coco_voc_trainaug", goldens.REAL_DATA / "weights"
    source = str(folder / "deeplab_mobilenet_v2_dm05_voc_dequantised.npz")
    with np.load(source) as arrays:
        serve(name, dict(arrays))
    monkeypatch.chdir(tmp_path)
    tiny_run.run(convert_checkpoint, f"--checkpoint_dir={name}")
    run = Run.open(tmp_path / f"{name}_run")
    assert run.config.model == weights.find(name).model_config()
    assert run.config.dataset.class_names[15] == "person"
    model = build_model(run.config.model)
    load_tf1_weights(model, source)
    with Image.open(goldens.REAL_DATA / "photos" / "image1.jpg") as photo:
        image = np.asarray(photo.convert("RGB").resize((400, 300)))
    padded = np.full((1, 513, 513, 3), 127.5, "float32")
    padded[0, :300, :400] = image
    (expected,) = Predictor(model, inference.Averaging())([padded])[0]
    (labels,) = run.predict([image])
    assert np.mean(labels == expected[:300, :400]) > 0.999
    seen = np.bincount(labels[labels > 0]).argmax()  # A boy on a bicycle.
    assert run.config.dataset.class_names[seen] == "bicycle"


def test_a_backbone_is_no_segmentation_model(server):
    with pytest.raises(app.UsageError, match="backbone alone.*train.py's --tf_init"):
        tiny_run.run(convert_checkpoint, "--checkpoint_dir=xception_71_imagenet")
    assert not server.requests


def test_the_published_evaluation_comes_with_the_name(serve, tmp_path, monkeypatch):
    """Of ADE20K's MobileNet-v2: longest side 257, as the zoo's page says."""
    name = "mobilenetv2_ade20k_train"
    model = build_model(weights.find(name).model_config())
    serve(name, {n: np.asarray(v) for n, v in variables_by_tf1_name(model).items()})
    monkeypatch.chdir(tmp_path)
    tiny_run.run(convert_checkpoint, f"--checkpoint_dir={name}")
    config = Run.open(tmp_path / f"{name}_run").config
    assert config.eval.eval_crop_size == (257, 257)
    assert (config.data.min_resize_value, config.data.max_resize_value) == (257, 257)
    assert config.dataset.name == "ade20k"
