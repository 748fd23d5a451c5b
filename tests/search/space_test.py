import collections
import dataclasses
import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype, GenotypeError
from deeplab_dpc.layers.cell import DensePredictionCell
from deeplab_dpc.search.config import SpaceConfig
from deeplab_dpc.search.space import Operator, Space, SpaceError, cell_key
from deeplab_dpc.testing.samplers import PAPER


def space(num_branches=2, **settings):
    return Space.from_config(SpaceConfig(num_branches=num_branches, **settings))


def small(num_branches):
    """Three operators: 1x1, r3x3, g1x1."""
    return space(num_branches, rates=(3,), grid_sizes=(1,))


def test_the_papers_space_has_about_4e11_cells():
    assert PAPER.num_operators == 81
    assert PAPER.size() == 120 * 81**5
    assert f"{PAPER.size():.1e}" == "4.2e+11"


@pytest.mark.parametrize(
    "branches, ordered, unordered", [(1, 81, 81), (2, 13122, 9882)]
)
def test_the_cells_of_the_space_can_be_counted(branches, ordered, unordered):
    """Up to the order: both branches read F (81 * 82 / 2), or one the other (81^2)."""
    cells = list(space(branches).all_cells())
    assert len(cells) == len(set(cells)) == space(branches).size() == ordered
    assert len({cell_key(cell) for cell in cells}) == unordered


@pytest.mark.parametrize(
    "settings, labels",
    [
        ({"use_pyramid_pooling": False, "rates": (6, 1)}, "1x1 r1x1 r1x6 r6x1 r6x6"),
        ({"use_conv3x3": False, "grid_sizes": (8,)}, "1x1 g8x8"),
        ({"use_conv1x1": False, "rates": (3,), "grid_sizes": (1,)}, "r3x3 g1x1"),
    ],
)
def test_a_space_may_have_some_of_the_operators(settings, labels):
    assert " ".join(o.label for o in space(**settings).operators) == labels


@pytest.mark.parametrize(
    "num_branches, operators, error, message",
    [
        (0, (Operator("conv1x1"),), SpaceError, "0 branches and 1 operator "),
        (1, (), SpaceError, "1 branch and 0 operators"),
        (1, (Operator("conv1x1"),) * 2, SpaceError, "more than once: 1x1 1x1"),
        (1, (Operator("conv3x3", (1, 2)),), GenotypeError, r"rate \(1, 2\)"),
    ],
)
def test_a_space_without_cells_is_refused(num_branches, operators, error, message):
    with pytest.raises(error, match=message):
        Space(num_branches, operators)


def test_every_operator_comes_as_often():
    """Each count is Binomial(40,500, 1/81): mean 500, std 22; 7 std: 1 run in 5e9."""
    rng, one = np.random.default_rng(0), space(1)
    counts = collections.Counter(one.sample(rng).branches[0] for _ in range(40_500))
    assert len(counts) == 81
    assert max(abs(n - 500) for n in counts.values()) < 156


@pytest.mark.parametrize("branch", [0, 1, 4])
def test_every_input_comes_as_often(branch):
    """Binomial(6,000, 1/(i+1)) has std of at most 39; 6 std: 1 run in 1e8."""
    rngs = [np.random.default_rng(1) for _ in range(2)]
    some, same = ([PAPER.sample(rng) for _ in range(6_000)] for rng in rngs)
    assert some == same
    counts = collections.Counter(cell.branches[branch].source for cell in some)
    assert set(counts) == set(range(BACKBONE, branch))
    assert max(abs(n - 6_000 / (branch + 1)) for n in counts.values()) < 234


def test_a_cell_as_flat_parameters():
    parameters = {"branch_0_op": "r1x6"}
    tail = [(0, "r18x15"), (1, "r6x3"), (0, "r1x1"), (0, "r6x21")]
    for i, (source, op) in enumerate(tail, 1):
        parameters |= {f"branch_{i}_input": source, f"branch_{i}_op": op}
    assert PAPER.encode(DPC_TOP1) == parameters
    assert PAPER.decode(parameters) == DPC_TOP1
    assert list(PAPER.choices()) == list(parameters)
    assert PAPER.choices()["branch_3_input"] == (-1, 0, 1, 2)


def test_uniform_parameters_are_uniform_cells():
    """Each combination of legal values is one cell, and each cell is one of them."""
    a_space = small(3)
    names, legal = zip(*a_space.choices().items())
    cells = [a_space.decode(dict(zip(names, v))) for v in itertools.product(*legal)]
    assert len(cells) == a_space.size() == 6 * 3**3
    assert set(cells) == set(a_space.all_cells())
    assert all(a_space.decode(a_space.encode(cell)) == cell for cell in cells)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"branch_1_op": "r2x2"}, "branch_1_op is 'r2x2'; it must be one of 1x1 r1x1"),
        ({"branch_1_input": 1}, "branch_1_input is 1; it must be one of -1 0"),
        ({"branch_1_input": None}, "branch_1_input is None"),
        (None, "branch_0_op is missing"),
    ],
)
def test_parameters_that_are_no_cell_are_named(changes, message):
    parameters = {} if changes is None else {**PAPER.encode(DPC_TOP1), **changes}
    with pytest.raises(SpaceError, match=message):
        PAPER.decode(parameters)


@pytest.mark.parametrize(
    "a_space", [space(4), space(5, rates=(1, 6)), space(5, use_conv3x3=False)]
)
def test_a_cell_of_another_space_is_refused(a_space):
    assert PAPER.contains(DPC_TOP1) and not a_space.contains(DPC_TOP1)
    for use in (a_space.encode, lambda cell: a_space.mutate(cell, None)):
        with pytest.raises(SpaceError, match=r"r1x6\(r18x15.*is not of the space"):
            use(DPC_TOP1)


def test_numbers_of_cells_reach_every_one_in_a_large_space():
    assert PAPER.cell(0) == Genotype((Branch.conv1x1(BACKBONE),) * 5)
    last = PAPER.cell(PAPER.size() - 1)
    assert [b.source for b in last.branches] == [-1, 0, 1, 2, 3]
    assert {Operator.of(b).label for b in last.branches} == {"g8x8"}


# The canonical form.


def orders(genotype):
    """All ways to write the cell with its branches in another legal order."""
    branches = genotype.branches
    for order in itertools.permutations(range(len(branches))):
        place = {old: new for new, old in enumerate(order)} | {BACKBONE: BACKBONE}
        moved = [
            dataclasses.replace(branches[i], source=place[branches[i].source])
            for i in order
        ]
        if all(branch.source < i for i, branch in enumerate(moved)):
            yield order, Genotype(tuple(moved))


def expressions(genotype):
    """Each branch's output, written out as a formula of F."""
    formulas = {BACKBONE: "F"}
    for i, branch in enumerate(genotype.branches):
        formulas[i] = f"{Operator.of(branch).label}[{formulas[branch.source]}]"
    return [formulas[i] for i in range(len(genotype.branches))]


def test_every_order_of_branches_has_the_same_key():
    """The published cell can be written in 12 ways, all the same formulas."""
    ways = [cell for _, cell in orders(DPC_TOP1)]
    assert len(set(ways)) == 12
    for cell in ways:
        assert sorted(expressions(cell)) == sorted(expressions(DPC_TOP1))
        assert PAPER.key(cell) == "r1x6(r18x15(r6x3),r1x1,r6x21)"


@pytest.mark.parametrize("num_branches", [1, 2, 3, 4])
def test_keys_are_equal_exactly_where_the_branches_can_be_permuted(num_branches):
    """All cells of three operators: brute force over the permutations of branches."""
    keys = {cell: cell_key(cell) for cell in small(num_branches).all_cells()}
    classes = collections.defaultdict(set)
    for cell, key in keys.items():
        classes[key].add(cell)
    for key, cells in classes.items():
        first = next(iter(cells))
        assert {cell for _, cell in orders(first)} == cells, key


def test_a_cell_in_another_order_computes_the_same():
    """With each branch's weights moved along, and the projection's rows, too."""
    branches = (
        Branch.conv3x3(BACKBONE, (1, 3)),
        Branch.pyramid_pooling(0, (2, 1)),
        Branch.conv1x1(BACKBONE),
    )
    cell = Genotype(branches)
    x = np.random.default_rng(0).normal(size=(2, 7, 9, 5)).astype("float32")
    layer = DensePredictionCell(cell, filters=4, seed=0)
    expected = np.asarray(layer(x))
    for order, moved in orders(cell):
        assert cell_key(moved) == cell_key(cell)
        other = DensePredictionCell(moved, filters=4, seed=0)
        other(x)
        for new, old in enumerate(order):
            other.branches[new].set_weights(layer.branches[old].get_weights())
        kernel, *norm = layer.projection.get_weights()
        rows = np.concatenate([kernel[:, :, 4 * i : 4 * i + 4] for i in order], axis=2)
        other.projection.set_weights([rows, *norm])
        np.testing.assert_allclose(np.asarray(other(x)), expected, atol=1e-6)
    keras.backend.clear_session()


def test_the_key_is_the_same_in_another_process():
    code = (
        "from deeplab_dpc.search.space import cell_key;"
        "from deeplab_dpc.genotypes import DPC_TOP1; print(cell_key(DPC_TOP1))"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert said.strip() == cell_key(DPC_TOP1)
