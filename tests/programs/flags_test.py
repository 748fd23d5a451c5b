import pathlib

import numpy as np
import pytest
import tensorflow as tf
from absl import app, flags

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


def test_the_last_pair_counts():
    values = parsed("--train_crop_size=65,97", "--train_crop_size=33,49")
    train = config_flags.config_from(TrainConfig, values=values)
    assert train.train_crop_size == (33, 49)


def test_only_given_flags_are_given():
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


def test_the_cell_is_top1_or_a_file(tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(DPC_TOP1.to_json())
    for name in ("top1", path):
        values = parsed(f"--dense_prediction_cell_json={name}")
        assert config_flags.given_cell(values) == {"genotype": DPC_TOP1}


def test_a_cell_that_cannot_be_read_is_a_usage_error(tmp_path):
    values = parsed("--dense_prediction_cell_json=nowhere.json")
    with pytest.raises(app.UsageError, match="nowhere.json cannot be read.*top1"):
        config_flags.given_cell(values)
    path = tmp_path / "cell.json"
    path.write_text("[]")
    with pytest.raises(app.UsageError, match="cell.json: A cell needs at least one"):
        config_flags.given_cell(parsed(f"--dense_prediction_cell_json={path}"))


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
    averaged = state.Averages(model, 0.9)
    for average, value in zip(averaged.variables.values(), _values(tiny_run.model(11))):
        average.assign(value)
    tf.train.CheckpointManager(
        checkpoints.trackable(
            model, step=tf.Variable(10, dtype=tf.int64), averages=averaged.variables
        ),
        str(folder),
        max_to_keep=None,
        checkpoint_name=checkpoints.NAME,
    ).save(checkpoint_number=10)
    return folder


def _values(model):
    found = checkpoints.weights_by_name(model).values()
    return [np.asarray(variable) for variable in found]


def _check(folder, arguments, step):
    """The weights that these flags restore are those of `tiny_run.model(step)`."""
    values = flags.FlagValues()
    config_flags.define_run(values)
    values(["eval.py", f"--checkpoint_dir={folder}", *arguments])
    model = tiny_run.model(12)
    assert config_flags.open_run(values).restore(model) == 10
    for value, expected in zip(
        _values(model), _values(tiny_run.model(step)), strict=True
    ):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize(
    "arguments, step", [((), 11), (("--use_ema",), 11), (("--nouse_ema",), 10)]
)
def test_the_flag_chooses_the_weights(folder, arguments, step):
    """By default the averages, as the run has them."""
    _check(folder, arguments, step)


def test_without_averages_the_default_is_the_last_weights(read_only_run):
    _check(read_only_run, (), 10)
    with pytest.raises(RunFolderError, match="no moving averages"):
        _check(read_only_run, ("--use_ema",), 10)
