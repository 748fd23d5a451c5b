"""A small space, its cells, and workers of one study in it."""

import itertools

from deeplab_dpc.genotypes import BACKBONE, RATES, Branch, Genotype
from deeplab_dpc.search.space import Operator, Space
from deeplab_dpc.search.trials import Outcome

PAIRS = tuple(itertools.product(RATES, repeat=2))


def small_space(num_rates=64):
    """`2 * num_rates**2` cells of two 3x3 convolutions."""
    return Space(2, tuple(Operator("conv3x3", pair) for pair in PAIRS[:num_rates]))


SPACE = small_space()


def cells(num_cells):
    """So many different cells of the space."""
    second = Branch.conv3x3(0, (3, 3))
    return [Genotype((Branch.conv3x3(BACKBONE, p), second)) for p in PAIRS[:num_cells]]


def score(genotype):
    """A score of a cell: larger rates are better."""
    return sum(sum(branch.rate) for branch in genotype.branches) / 84


def run(study, num_trials):
    for _ in range(num_trials):
        trial = study.ask()
        study.tell(trial, Outcome(score=score(trial.genotype), steps=7))


def complete(study):
    return [record for record in study.records() if record.state == "complete"]


def states(study):
    return [record.state for record in study.records()]
