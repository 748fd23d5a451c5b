"""The original's own training runs, made by our step: three steps of each."""

import json

import numpy as np
import pytest

from deeplab_dpc.training import losses, optimizers
from tests import goldens
from tests.training import golden_runs
from tests.training.golden_runs import FACTS, distance

DAILY = "mnv2dpc_noft_mult1", "head_dpc320_ft", "mnv2aspp_ft_mult10"  # One of a kind.


def _runs(kind):
    """Those of a kind; most are slow."""
    names = [name for name, facts in FACTS.items() if _kind(facts) == kind]
    return [pytest.param(n, marks=[pytest.mark.slow] * (n not in DAILY)) for n in names]


def _kind(facts):
    """How far a run can be compared.

    `head`: batch norm on the batch's statistics, behind features that do not change.
    `frozen`: batch norm on its moving statistics; nothing is chaotic. `adam`: so, too,
    but Adam divides by the gradient's own size, so tiny gradients move by noise.
    `chaotic`: whole networks on the batch's statistics. With random weights, kernels
    that round differently part the original from itself by percents within three steps
    (`noise.json`); what holds is the first.
    """
    if "stub_channels" in facts:
        return "head"
    if facts["train_flags"]["fine_tune_batch_norm"]:
        return "chaotic"
    return "adam" if facts["train_flags"]["optimizer"] == "adam" else "frozen"


EXACT = 1e-5  # Of a tensor's largest magnitude, or of a loss.
HEAD_REPEATS = {
    "head_dpc320": 2e-7,
    "head_dpc2048_decoder": 6e-5,
    "head_aspp2048_decoder": 4e-4,
}
"""How far the gradients of a head repeat in the original: another order of sums flips
a ReLU near 0. Ours move as much between one thread and two."""


def _check_losses(run, outs, tolerance):
    """Rate, cross-entropy, L2 and their sum, as far as `outs` goes."""
    names = ["rate", "cross_entropy", "regularization", "loss"]
    if run.train.optimizer == "adam":  # The original logs a rate that Adam ignores.
        names.remove("rate")
    ours = np.array([[out[name] for name in names] for out in outs])
    stored = run.stored["log"][: len(ours), 5 - len(names) : 5]
    deviation = np.abs(ours / stored - 1).max()
    steps = f"{len(ours)} step" + "s" * (len(ours) > 1)
    goldens.check(run.file, f"losses and rates, {steps}", deviation, tolerance)


def _check_variables(run, after, tolerance, of_each=True):
    """Each variable against its own largest magnitude, or against that of all."""
    found = distance(run, run.values(), f"vars_after{after}", of_each)
    what = f"variables after {after} step" + "s" * (after > 1)
    goldens.check(run.file, what, found, tolerance)


def _check_gradients(run, tolerance, of_each=True):
    """Gradients with L2, before and after the multipliers, from the first momentum."""
    momentum = run.accumulators()
    factors = {n: optimizers.gradient_multiplier(n, run.train) for n in momentum}
    raw = {name: value / factors[name] for name, value in momentum.items()}
    for what, tensors, key in (
        ("gradients", raw, "grad0"),
        ("multiplied gradients", momentum, "momentum_after1"),
    ):
        found = distance(run, tensors, key, of_each)
        goldens.check(run.file, what, found, tolerance)
    norms = [np.linalg.norm(momentum[n].astype("f8")) for n in run.facts["grad_names"]]
    stored = run.stored["gradmul0|norm"]
    errors = np.abs(norms - stored) / (stored if of_each else stored.max())
    goldens.check(run.file, "norms of multiplied gradients", errors.max(), tolerance)


def _one_agrees(name, check):
    """Checks the run; if that fails, those that differ from it by last bits."""
    failures = []
    for run in golden_runs.nearby(name):
        before = len(goldens.COMPARISONS)
        try:
            return check(run, is_nudged=bool(failures))
        except AssertionError as e:
            failures.append(e)
            del goldens.COMPARISONS[before:]
    raise failures[0]


def _check_frozen(run, is_nudged):
    steps = run.steps()
    outs = [next(steps)]
    _check_gradients(run, EXACT)
    _check_variables(run, 1, EXACT)
    outs += steps
    if is_nudged:  # The next gradients flip others, which the third step shows.
        _check_losses(run, outs[:2], EXACT)
        return
    _check_losses(run, outs, EXACT)
    _check_variables(run, 3, 1e-4)
    found = distance(run, run.accumulators(), "momentum_after3", of_each=False)
    noise = 10 * _noise("mnv2dpc_noft_mult1")["worst_rel_to_max"]
    goldens.check(run.file, "momentum after 3 steps", found, noise)


@goldens.needed
@pytest.mark.parametrize("name", _runs("frozen"))
def test_on_moving_statistics_everything_is_the_originals(name):
    _one_agrees(name, _check_frozen)


@goldens.needed
@pytest.mark.parametrize("name", _runs("head"))
def test_a_head_trains_with_batch_norm_as_the_originals(name):
    """Constant features: rounding is the only noise, and the flip of a ReLU near 0."""
    repeats = max(v for k, v in HEAD_REPEATS.items() if name.startswith(k))
    tolerance = max(EXACT, 10 * repeats)

    def check(run, is_nudged):
        steps = run.steps()
        outs = [next(steps)]
        _check_gradients(run, tolerance, of_each=False)
        _check_variables(run, 1, EXACT)
        _check_losses(run, [*outs, *steps], EXACT)
        _check_variables(run, 3, EXACT)
        found = distance(run, run.accumulators(), "momentum_after3", of_each=False)
        noise = max(tolerance, _noise(name)["worst_rel_to_max"])
        goldens.check(run.file, "momentum after 3 steps", found, 10 * noise)

    _one_agrees(name, check)


@goldens.needed
@pytest.mark.parametrize("name", _runs("chaotic"))
def test_the_first_step_of_batch_norm_training_is_the_originals(name):
    """Losses, gradients against the largest, and variables within ten times noise."""
    run, noise = golden_runs.load(name), _noise(name)
    (out,) = run.steps(1)
    _check_losses(run, [out], 1e-4)
    _check_gradients(run, 10 * noise["grad0|slice"], of_each=False)
    _check_variables(run, 1, 10 * noise["vars_after1|slice"], of_each=False)


@goldens.needed
@pytest.mark.parametrize("name", _runs("adam"))
def test_adam_trains_as_the_originals(name):
    run = golden_runs.load(name)
    steps = run.steps()
    outs = [next(steps)]
    _check_variables(run, 1, EXACT)
    _check_losses(run, [*outs, *steps], EXACT)
    _check_variables(run, 3, 1e-3)


@goldens.needed
@pytest.mark.parametrize("name", FACTS)
def test_l2_acts_on_the_originals_variables(name):
    ours = {n for n in FACTS[name]["var_names"] if losses.is_regularised(n)}
    assert ours == set(FACTS[name]["l2_variables"])
    goldens.check(f"train/{name}.json", "variables with L2 (other ones)", 0, 0)


def _noise(name):
    """How far the original was from itself on other kernels: this run, or the nearest.

    Without a measurement of its own, a chaotic run counts as one of MobileNet-v2, or
    for other backbones of Xception-71.
    """
    stored = json.loads((goldens.FOLDER / "noise.json").read_text())
    nearest = "mnv2dpc_ft_mult1" if name.startswith("mnv2") else "xc71dpc_ft_mult1"
    return stored.get(f"train/{name}.npz", stored[f"train/{nearest}.npz"])
