"""`--use_ema` of the programs that read a run folder."""

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from deeplab_dpc.programs import eval as eval_program
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.training import checkpoints, state
from deeplab_dpc.training.checkpoints import RunFolderError
from tests.programs import tiny_run


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
            model,
            step=tf.Variable(10, dtype=tf.int64),
            averages=averaged.variables,
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
    eval_program.define_flags(values)
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
