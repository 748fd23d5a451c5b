"""The original's own training runs, made by our step: three steps of each."""

import json

import numpy as np
import pytest

from deeplab_dpc.training import losses, optimizers
from tests import goldens
from tests.training import golden_runs

FROZEN = (
    "mnv2dpc_noft_mult1",
    "mnv2dpc_noft_hardmining",
    "mnv2dpc_noft_slowstart_step",
    "mnv2dpc_noft_129x161",
)
"""Batch norm on its moving statistics: nothing is chaotic."""
HEADS = (
    "head_dpc320_ft",
    "head_dpc320_ft_mult10",
    "head_dpc2048_decoder_ft",
    "head_aspp2048_decoder_ft",
)
"""Batch norm on the batch's statistics, behind features that do not change."""
CHAOTIC = {
    "mnv2dpc_ft_mult1": "mnv2dpc_ft_mult1",
    "mnv2dpc_ft_mult10": "mnv2dpc_ft_mult1",
    "mnv2aspp_ft_mult10": "mnv2dpc_ft_mult1",
    "mnv2dpc_noupsample": "mnv2dpc_ft_mult1",
    "mnv2dpc_ft_161x193_lr1e-4": "mnv2dpc_ft_161x193_lr1e-4",
    "r50beta_ft": "xc71dpc_ft_mult1",
    "xc41aspp_ft": "xc71dpc_ft_mult1",
    "xc71dpc_ft_mult1": "xc71dpc_ft_mult1",
}
"""Whole networks on the batch's statistics, and the run whose noise was measured.

With random weights they are chaotic: kernels that round differently part the original
from itself by percents within three steps (`noise.json`). What holds is the first
step.
"""
EXACT = 1e-5  # Of a tensor's largest magnitude, or of a loss.


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


def _distance(run, tensors, key, lengths="grad|slice_len"):
    names = run.facts["var_names" if lengths.startswith("vars") else "grad_names"]
    return golden_runs.distance(tensors, names, run.stored, key, lengths)


def _check_variables(run, after, tolerance):
    """Each variable against its own largest magnitude."""
    found = _distance(run, run.values(), f"vars_after{after}", "vars|slice_len")
    what = f"variables after {after} step" + "s" * (after > 1)
    goldens.check(run.file, what, found.of_each, tolerance)


def _check_gradients(run, tolerance, of_each=True):
    """Gradients with L2, before and after the multipliers, from the first momentum."""
    momentum = run.accumulators()
    raw = {
        name: value / optimizers.gradient_multiplier(name, run.train)
        for name, value in momentum.items()
    }
    for what, tensors, key in (
        ("gradients", raw, "grad0"),
        ("multiplied gradients", momentum, "momentum_after1"),
    ):
        found = _distance(run, tensors, key)
        deviation = found.of_each if of_each else found.of_all
        goldens.check(run.file, what, deviation, tolerance)
    norms = [np.linalg.norm(momentum[n].astype("f8")) for n in run.facts["grad_names"]]
    stored = run.stored["gradmul0|norm"]
    errors = np.abs(norms - stored) / (stored if of_each else stored.max())
    goldens.check(run.file, "norms of multiplied gradients", errors.max(), tolerance)


@goldens.needed
@pytest.mark.parametrize("name", FROZEN)
def test_on_moving_statistics_everything_is_the_originals(name):
    run = golden_runs.load(name)
    outs = []
    for step, out in enumerate(run.steps()):
        outs.append(out)
        if step == 0:
            _check_gradients(run, EXACT)
            _check_variables(run, 1, EXACT)
    _check_losses(run, outs, EXACT)
    _check_variables(run, 3, 1e-4)
    found = _distance(run, run.accumulators(), "momentum_after3")
    noise = 10 * _noise("mnv2dpc_noft_mult1")["worst_rel_to_max"]
    goldens.check(run.file, "momentum after 3 steps", found.of_all, noise)


@goldens.needed
@pytest.mark.parametrize("name", HEADS)
def test_a_head_trains_with_batch_norm_as_the_originals(name):
    """Constant features: rounding is the only noise. ReLUs near 0 flip, so large
    kernels move some gradients by what the original moves them itself."""
    run, noise = golden_runs.load(name), _noise(name)
    outs = []
    for step, out in enumerate(run.steps()):
        outs.append(out)
        if step == 0:
            _check_gradients(run, max(EXACT, 10 * noise["grad0|stats"]), of_each=False)
            _check_variables(run, 1, EXACT)
    _check_losses(run, outs, EXACT)
    _check_variables(run, 3, EXACT)
    found = _distance(run, run.accumulators(), "momentum_after3")
    tolerance = max(EXACT, 10 * noise["worst_rel_to_max"])
    goldens.check(run.file, "momentum after 3 steps", found.of_all, tolerance)


@goldens.needed
@pytest.mark.parametrize("name", CHAOTIC)
def test_the_first_step_of_batch_norm_training_is_the_originals(name):
    """Losses, gradients against the largest, and variables within ten times noise."""
    run, noise = golden_runs.load(name), _noise(CHAOTIC[name])
    out = next(run.steps())
    _check_losses(run, [out], EXACT)
    _check_gradients(run, 10 * noise["grad0|stats"], of_each=False)
    _check_variables(run, 1, 10 * noise["vars_after1|slice"])


@goldens.needed
def test_adam_trains_as_the_originals():
    """Adam divides by the gradient's own size, so tiny gradients move by noise."""
    run = golden_runs.load("mnv2dpc_noft_adam")
    outs = []
    for step, out in enumerate(run.steps()):
        outs.append(out)
        if step == 0:
            _check_variables(run, 1, EXACT)
    _check_losses(run, outs, EXACT)
    _check_variables(run, 3, 1e-3)


ALL = sorted(
    path.stem
    for path in goldens.FOLDER.glob("train/*.json")
    if not path.stem.startswith("checkpoint_names")
)


def test_every_run_is_made():
    assert {*FROZEN, *HEADS, *CHAOTIC, "mnv2dpc_noft_adam"} >= set(ALL)


@goldens.needed
@pytest.mark.parametrize("name", ALL)
def test_l2_acts_on_the_originals_variables(name):
    facts = json.loads((goldens.FOLDER / f"train/{name}.json").read_text())
    ours = {n for n in facts["var_names"] if losses.is_regularised(n)}
    assert ours == set(facts["l2_variables"])
    goldens.check(f"train/{name}.json", "variables with L2 (other ones)", 0, 0)


def _noise(name):
    """How far the original was from itself on other kernels."""
    stored = json.loads((goldens.FOLDER / "noise.json").read_text())
    return stored[f"train/{name}.npz"]
