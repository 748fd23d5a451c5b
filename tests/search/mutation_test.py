"""`Space.mutate`: what it reaches, and how often."""

import collections

import numpy as np
import pytest

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.search.config import SpaceConfig
from deeplab_dpc.search.space import Operator, Space, SpaceError, cell_key
from deeplab_dpc.testing.samplers import PAPER
from tests.search.samplers.studies import check

LABELS = "g1x2", "1x1", "r21x9", "r1x1", "g8x8"
POOLED = PAPER.decode(
    {f"branch_{i}_op": label for i, label in enumerate(LABELS)}
    | {f"branch_{i}_input": s for i, s in enumerate((-1, 1, 1, 3), 1)}
)


def mutants(cell, count, a_space=PAPER):
    rng = np.random.default_rng(3)
    return [a_space.mutate(cell, rng) for _ in range(count)]


def changed(cell, mutant):
    """The branch that differs and the name of the one field that does."""
    pairs = enumerate(zip(cell.branches, mutant.branches, strict=True))
    ((i, (old, new)),) = [(i, pair) for i, pair in pairs if pair[0] != pair[1]]
    if old.op != new.op:
        assert old.source == new.source
        return i, "op"
    values = ((branch.source, *Operator.of(branch).pair) for branch in (old, new))
    names = ("input", "height", "width")
    (name,) = [name for name, a, b in zip(names, *values) if a != b]
    return i, name


@pytest.mark.parametrize("cell", [DPC_TOP1, POOLED])
def test_one_field_of_one_branch_changes(cell):
    for mutant in mutants(cell, 500):
        assert changed(cell, mutant) and PAPER.contains(mutant)
        assert cell_key(mutant) != cell_key(cell)


def test_rates_and_grids_go_one_step():
    found = collections.defaultdict(set)
    for mutant in mutants(POOLED, 6_000):
        i, name = changed(POOLED, mutant)
        branch = mutant.branches[i]
        if name in ("height", "width"):
            found[i].add(Operator.of(branch).label)
        elif name == "input":
            found[i].add(branch.source)
    # Each is met with a probability of 1/80 at least; one is missed in 1 of 1e31 runs.
    assert found == {
        0: {"g2x2", "g1x1", "g1x4"},
        1: {0},
        2: {-1, 0, "r18x9", "r21x6", "r21x12"},
        3: {-1, 0, 2, "r3x1", "r1x3"},
        4: {-1, 0, 1, 2, "g4x8", "g8x4"},
    }


def test_branches_fields_and_kinds_come_as_often_as_said():
    """Each count is binomial, 12,000 draws; 6 std: less than 1 run in 1e8 for each.

    The operators of the published cell differ, so that every mutant is another cell.
    """
    count = 12_000
    fields, kinds = collections.Counter(), collections.Counter()
    for mutant in mutants(DPC_TOP1, count):
        i, name = changed(DPC_TOP1, mutant)
        fields[i, name] += 1
        if (i, name) == (0, "op"):
            kinds[mutant.branches[0].op] += 1

    for name in ("height", "width", "op"):  # Branch 0 has no other input.
        check(fields[0, name], 1 / 15, count)
        for i in (1, 2, 3, 4):
            check(fields[i, name], 1 / 20, count)
    for i in (1, 2, 3, 4):
        check(fields[i, "input"], 1 / 20, count)
    check(kinds["conv1x1"], 1 / 2, fields[0, "op"])
    assert set(kinds) == {"conv1x1", "pyramid_pooling"}


def test_mutation_never_gives_the_cell_in_another_order():
    """Branch 2 as a child of branch 0 or of its twin, branch 1, is the same cell."""
    twins = Genotype(tuple(map(Branch.conv1x1, (BACKBONE, BACKBONE, 0))))
    one_operator = Space(3, (Operator("conv1x1"),))
    keys = {cell_key(m) for m in mutants(twins, 200, one_operator)}
    assert cell_key(twins) == "1x1,1x1(1x1)"
    assert keys == {"1x1,1x1,1x1", "1x1(1x1,1x1)"}


def test_mutation_reaches_every_cell_of_a_small_space():
    settings = SpaceConfig(num_branches=2, rates=(1, 3, 6), grid_sizes=(1, 2))
    a_space, rng = Space.from_config(settings), np.random.default_rng(0)
    cell, reached = a_space.cell(0), set()
    for _ in range(20_000):
        cell = a_space.mutate(cell, rng)
        reached.add(cell)
    assert reached == set(a_space.all_cells())


def test_a_space_of_one_cell_has_no_other():
    one, cell = Space(1, (Operator("conv1x1"),)), Genotype((Branch.conv1x1(BACKBONE),))
    with pytest.raises(SpaceError, match="No other cell is near 1x1: the space has 1"):
        mutants(cell, 1, one)
