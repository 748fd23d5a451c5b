import pathlib

import pytest
from absl import app, flags

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.programs import flags as config_flags

FLAGFILES = sorted((pathlib.Path(__file__).parents[2] / "flagfiles").glob("*.flags"))


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
