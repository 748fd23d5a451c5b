"""`--label_weights=balanced`, from the flag to the numbers in the config."""

import pytest
from absl import app, flags

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.programs import train

# Frequencies where a class occurs: 600/1000, 300/1000, 50/500. Their median is 0.3.
PIXELS, WHERE_PRESENT = (600, 300, 50), (1000, 1000, 500)
WEIGHTS = (0.3 / 0.6, 1.0, 0.3 / 0.1)


@pytest.fixture
def folder(tmp_path):
    colors = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    info = DatasetInfo("three", ("a", "b", "c"), colors, 255, {"train": 2})
    sizes, mean = (10, 10, 50), (0.0, 0.0, 0.0)
    figures = SplitStatistics(
        *(2, 2, PIXELS, 50, WHERE_PRESENT, (2, 2, 1)), *(sizes, sizes, mean, mean)
    )
    Manifest(info, {"train": figures}).save(tmp_path)
    return tmp_path


def _config(folder, *arguments):
    values = flags.FlagValues()
    train.define_flags(values)
    values(["train.py", f"--dataset_dir={folder}", "--train_logdir=x", *arguments])
    return train.run_config(values).train


def test_balanced_weights_are_medians_over_frequencies(folder):
    found = _config(folder, "--label_weights=balanced").label_weights
    assert found == pytest.approx(WEIGHTS, rel=1e-12)


def test_numbers_stay_numbers(folder):
    assert _config(folder, "--label_weights=1,2,3").label_weights == (1.0, 2.0, 3.0)
    assert _config(folder).label_weights is None


def test_a_split_without_figures_is_named(folder):
    DatasetInfo.load(folder).save(folder)
    with pytest.raises(app.UsageError, match="no statistics of split 'train'"):
        _config(folder, "--label_weights=balanced")
    with pytest.raises(app.UsageError, match="expected float"):
        _config(folder, "--label_weights=even")
