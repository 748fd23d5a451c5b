import pathlib

import numpy as np
import onnx
import pytest
import tensorflow as tf
from absl import app, flags

from deeplab_dpc import checkpoint_files
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.training import checkpoints, state
from deeplab_dpc.training.checkpoints import RunFolderError
from tests.programs import tiny_run

FLAGFILES = sorted(
    (pathlib.Path(__file__).parents[2] / "deeplab_dpc/flagfiles").glob("*.flags")
)


def parsed(*arguments):
    values = flags.FlagValues()
    flags.DEFINE_multi_string("flagfile", [], "", flag_values=values)
    for config in (ModelConfig, DataConfig, TrainConfig, EvalConfig):
        config_flags.define(config, values)
    config_flags.define_cell(values)
    values(["program", *arguments])
    return values


@pytest.mark.parametrize("config", [ModelConfig, DataConfig, TrainConfig, EvalConfig])
def test_without_flags_a_config_has_its_defaults(config):
    assert config_flags.config_from(config, values=parsed()) == config()


@pytest.mark.parametrize(
    "arguments, rates",
    [
        (["--atrous_rates=6,12,18"], (6, 12, 18)),
        (["--atrous_rates=6", "--atrous_rates=12"], (6, 12)),
        (["--atrous_rates=6,12", "--atrous_rates=12, 24"], (12, 24)),
        (["--atrous_rates=6"], (6,)),
    ],
)
def test_several_values_come_with_commas_or_repeated(arguments, rates):
    config = config_flags.config_from(ModelConfig, values=parsed(*arguments))
    assert config.atrous_rates == rates


def test_the_last_pair_counts_and_only_given_flags_are_given():
    values = parsed("--train_crop_size=65,97", "--train_crop_size=33,49")
    train = config_flags.config_from(TrainConfig, values=values)
    assert train.train_crop_size == (33, 49)
    values = parsed("--output_stride=8", "--noadd_image_level_feature")
    given = config_flags.given(ModelConfig, values)
    assert given == {"output_stride": 8, "add_image_level_feature": False}
    assert config_flags.given_cell(values) == {}


@pytest.mark.parametrize(
    "argument, words",
    [
        ("--train_crop_size=big,65", "--train_crop_size=big,65: expected int values"),
        ("--train_crop_size=65", "train_crop_size=\\(65,\\); .*such as 513,513"),
        ("--train_batch_size=0", "train_batch_size=0; it must be at least 1"),
    ],
)
def test_values_that_cannot_work_are_usage_errors(argument, words):
    with pytest.raises(app.UsageError, match=words):
        config_flags.config_from(TrainConfig, values=parsed(argument))


def test_the_cell_is_top1_or_a_file_that_can_be_read(tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(DPC_TOP1.to_json())
    for name in ("top1", path):
        values = parsed(f"--dense_prediction_cell_json={name}")
        assert config_flags.given_cell(values) == {"genotype": DPC_TOP1}
    path.write_text("[]")
    for name, words in (
        ("nowhere.json", "nowhere.json cannot be read.*top1"),
        (path, "cell.json: A cell needs at least one"),
    ):
        with pytest.raises(app.UsageError, match=words):
            config_flags.given_cell(parsed(f"--dense_prediction_cell_json={name}"))


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda p: p.stem)
def test_every_flagfile_describes_a_model_that_can_be_made(path):
    values = parsed(f"--flagfile={path}")
    cell = config_flags.given_cell(values)
    model = config_flags.config_from(ModelConfig, cell, values)
    train = config_flags.config_from(TrainConfig, values=values)
    config_flags.config_from(EvalConfig, values=values)
    has_cell = "dpc" in path.stem or path.stem == "quickstart"
    assert (model.genotype is not None) == has_cell
    assert train.training_number_of_steps < 100_000
    assert path.read_text().startswith("# ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, dataset_dir):
    """A run of which the last weights are one model's, the averages another's."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    tiny_run.write_run(folder, dataset_dir, steps=())
    model = tiny_run.model(10)
    averages = state.Averages(model, 0.9).variables
    for average, value in zip(averages.values(), _values(tiny_run.model(11))):
        average.assign(value)
    step = tf.Variable(10, dtype=tf.int64)
    values = checkpoints.trackable(model, step=step, averages=averages)
    checkpoint_files.write(values, folder / "ckpt-10")
    return folder


def _values(model):
    found = checkpoints.weights_by_name(model).values()
    return [np.asarray(variable) for variable in found]


@pytest.mark.parametrize(
    "arguments, averaged, last",
    [("", 11, 10), ("--use_ema", 11, None), ("--nouse_ema", 10, 10)],
)
def test_the_flag_chooses_the_weights(folder, read_only_run, arguments, averaged, last):
    """By default the averages, as the run has them; a run without has the last weights."""
    model = tiny_run.model(12)
    for run, step in ((folder, averaged), (read_only_run, last)):
        values = flags.FlagValues()
        config_flags.define_run(values)
        values(["eval.py", f"--checkpoint_dir={run}", *arguments.split()])
        opened = config_flags.open_run(values)
        if step is None:
            with pytest.raises(RunFolderError, match="no moving averages"):
                opened.restore(model)
            continue
        assert opened.restore(model) == 10
        np.testing.assert_equal(_values(model), _values(tiny_run.model(step)))


def test_a_program_takes_so_many_threads(tmp_path):
    """ONNX Runtime's threads wait beside the caller; one more may come with it."""
    names = "images", "SemanticPredictions"
    node = onnx.helper.make_node("Identity", names[:1], names[1:])
    kind = onnx.helper.make_tensor_type_proto(onnx.TensorProto.UINT8, "nhwc")
    tensors = [[onnx.helper.make_value_info(name, kind)] for name in names]
    graph = onnx.helper.make_graph([node], "identity", *tensors)
    opsets = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    code = (
        "from absl import flags; from deeplab_dpc.programs import train\n"
        "from deeplab_dpc.programs.flags import use_threads\n"
        "values = flags.FlagValues(); train.define_flags(values)\n"
        "values(['train.py', '--dataset_dir=a', '--train_logdir=b', '--num_threads=7'])\n"
        "use_threads(values); from tensorflow.config import threading as t\n"
        "print(t.get_intra_op_parallelism_threads())\n"
        "print(t.get_inter_op_parallelism_threads())\n"
        "import os, pathlib; from deeplab_dpc.export import runtimes\n"
        "count = lambda: len(os.listdir('/proc/self/task'))\n"
        "runtimes.module('onnxruntime', 'onnx'); before = count()\n"
        f"model = runtimes.opened(pathlib.Path({str(tmp_path / 'model.onnx')!r}))\n"
        "print(count() - before)"
    )
    *tensorflow, others = map(int, tiny_run.python("-c", code).stdout.split())
    assert tensorflow == [7, 7] and others in (6, 7)
