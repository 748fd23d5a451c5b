"""The table of trained cells, and what searches replayed on it would have found."""

import collections
import dataclasses
import random
import statistics

import numpy as np
import optuna
import pytest

from benchmarks import camvid_features, search_quality
from benchmarks.camvid_features import curve_of
from deeplab_dpc.search.config import SamplerConfig
from tests.search.samplers.stopping_test import replay


@pytest.fixture(scope="module")
def table():
    return camvid_features.rows(search_quality.TABLE)


def test_the_table_has_every_cell_of_the_space_and_its_curve(table):
    """126 = 9 * 10 / 2 pairs that both read the backbone, and 9 * 9 chains."""
    seeds = collections.defaultdict(set)
    for row in table:
        curve = curve_of(row)
        assert list(curve) == [50, 100, 150, 200, 250, 300]
        assert curve[300] == float(row["val"]) and 0 < float(row["test"]) < 1
        assert int(row["seed"]) not in seeds[row["cell"]]
        seeds[row["cell"]].add(int(row["seed"]))
    keys = {search_quality.SPACE.key(cell) for cell in search_quality.all_cells()}
    assert set(seeds) == keys and len(keys) == 9 * 10 / 2 + 9 * 9
    assert all(0 in found for found in seeds.values())


def test_halving_on_stored_curves_keeps_the_best_for_less_than_half_the_steps(table):
    """100 searches of 60 cells of the table each, drawn anew. What halving chooses is
    on average within 0.2 points of what all 60 whole trainings would choose.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    curves = [curve_of(row) for row in table if row["seed"] == "0"]
    shares, losses = [], []
    for seed in range(100):
        drawn = random.Random(seed).sample(curves, 60)
        made = replay(drawn, 300, early_stopping="successive_halving")
        kept = [c[300] for c, steps in zip(drawn, made) if steps == 300]
        shares.append(sum(made) / (300 * 60))
        losses.append(100 * (max(c[300] for c in drawn) - max(kept)))
    assert 0.40 < statistics.fmean(shares) < 0.50
    assert np.mean(losses) < 0.2


def test_a_replayed_search_pays_for_the_steps_that_it_makes(table):
    by_key = collections.defaultdict(list)
    for row in table:
        by_key[row["cell"]].append(row)
    values = {k: np.mean([float(r["val"]) for r in v]) for k, v in by_key.items()}
    uniform = SamplerConfig(sampler="random", early_stopping="none", search_seed=3)
    halving = dataclasses.replace(uniform, early_stopping="successive_halving")
    whole, halved = (
        search_quality.search(by_key, values, config, 20)
        for config in (uniform, halving)
    )
    assert len(whole) == len(halved) == 20
    assert halved[-1][0] < 0.6 * whole[-1][0]
    regrets = [regret for _, regret in whole]
    assert regrets == sorted(regrets, reverse=True) and regrets[-1] >= 0
