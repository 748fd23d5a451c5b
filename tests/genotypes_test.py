import dataclasses
import json

import pytest

from deeplab_dpc import Branch, Genotype, GenotypeError
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, GRID_SIZES, RATES

PUBLISHED = (
    '[{"kernel": 3, "rate": [1, 6], "op": "conv", "input": -1}, '
    '{"kernel": 3, "rate": [18, 15], "op": "conv", "input": 0}, '
    '{"kernel": 3, "rate": [6, 3], "op": "conv", "input": 1}, '
    '{"kernel": 3, "rate": [1, 1], "op": "conv", "input": 0}, '
    '{"kernel": 3, "rate": [6, 21], "op": "conv", "input": 0}]'
)


def test_the_space_has_81_operators():
    assert 1 + len(RATES) ** 2 + len(GRID_SIZES) ** 2 == 81


def test_the_published_cell_is_the_papers():
    assert Genotype.from_json(PUBLISHED) == DPC_TOP1
    assert DPC_TOP1.to_json() == PUBLISHED


@pytest.mark.parametrize(
    "channels, paper_parameters", [(2048, 814_080), (320, 356_160)]
)
def test_the_published_cells_size_is_table_1s(channels, paper_parameters):
    """Depthwise and pointwise kernels, without the 1x1 after the concatenation."""
    total = 0
    for branch in DPC_TOP1.branches:
        inputs = channels if branch.source == BACKBONE else 256
        total += 9 * inputs + inputs * 256
    assert total == paper_parameters


@pytest.mark.parametrize("one", [1, [1, 1]])
@pytest.mark.parametrize("three", [3, [3, 3]])
def test_kernels_may_be_numbers_or_pairs(one, three):
    branches = [
        {"op": "conv", "kernel": one, "input": -1},
        {"op": "conv", "kernel": three, "rate": [3, 9], "input": 0},
        {"op": "pyramid_pooling", "grid_size": [1, 8], "input": 1},
    ]
    assert Genotype.from_json(json.dumps(branches)).branches == (
        Branch.conv1x1(BACKBONE),
        Branch.conv3x3(0, (3, 9)),
        Branch.pyramid_pooling(1, (1, 8)),
    )


def test_json_round_trip_of_every_operator():
    convolutions = [Branch.conv3x3(0, (r, s)) for r in RATES for s in RATES]
    pairs = [(g, h) for g in GRID_SIZES for h in GRID_SIZES]
    poolings = [Branch.pyramid_pooling(1, pair) for pair in pairs]
    genotype = Genotype((Branch.conv1x1(-1), *convolutions, *poolings))
    assert len(genotype.branches) == 81
    assert Genotype.from_json(genotype.to_json()) == genotype


CONV1 = {"op": "conv", "kernel": 1, "input": -1}
CONV3 = {"op": "conv", "kernel": 3, "input": -1}


@pytest.mark.parametrize(
    "branches, words",
    [
        ([], ["at least one branch"]),
        ("conv", ["list of branches", "str"]),
        ([7], ["branch 0", "7"]),
        ([{**CONV1, "op": "dense"}], ["branch 0", "'dense'", "pyramid_pooling"]),
        ([{**CONV1, "op": None}], ["branch 0", "None"]),
        ([{**CONV1, "kernel": 5}], ["branch 0", "kernel 5", "1, 3, [1, 1] or [3, 3]"]),
        ([{**CONV1, "kernel": True}], ["branch 0", "kernel True"]),
        ([{**CONV1, "kernel": [1, 3]}], ["branch 0", "[1, 3]"]),
        ([{**CONV1, "kernel": {"a": 1}}], ["branch 0", "kernel"]),
        ([{**CONV1, "rate": [1, 1]}], ["branch 0", "conv1x1", "'rate'"]),
        ([{**CONV1, "speed": 1}], ["branch 0", "'speed'", "'kernel'"]),
        ([{"op": "conv", "kernel": 1}], ["branch 0", "lacks ['input']"]),
        ([CONV3], ["branch 0", "lacks ['rate']"]),
        ([{**CONV1, "input": 0}], ["branch 0", "reads 0", "-1 (the backbone)."]),
        ([CONV1, {**CONV1, "input": 1}], ["branch 1", "reads 1", "0..0"]),
        ([CONV1, {**CONV1, "input": 5}], ["branch 1", "reads 5"]),
        ([{**CONV1, "input": -2}], ["branch 0", "reads -2"]),
        ([{**CONV1, "input": "F"}], ["branch 0", "'F'"]),
        ([{**CONV1, "input": True}], ["branch 0", "True"]),
        (
            [{**CONV3, "rate": [1, 2]}],
            ["branch 0", "(1, 2)", "(1, 3, 6, 9, 12, 15, 18, 21)", "outside_space"],
        ),
        ([{**CONV3, "rate": [1, 6, 6]}], ["branch 0", "(1, 6, 6)", "two integers"]),
        ([{**CONV3, "rate": [1.0, 6]}], ["branch 0", "(1.0, 6)"]),
        (
            [{"op": "pyramid_pooling", "grid_size": [3, 1], "input": -1}],
            ["branch 0", "(3, 1)", "(1, 2, 4, 8)"],
        ),
    ],
)
def test_a_cell_outside_the_rules_is_refused_with_value_and_legal(branches, words):
    with pytest.raises(GenotypeError) as e:
        Genotype.from_json(json.dumps(branches))
    for word in words:
        assert word in str(e.value), str(e.value)


def test_bad_json_says_where():
    with pytest.raises(GenotypeError, match="line 1, column 2.*Expected a list"):
        Genotype.from_json("[")


@pytest.mark.parametrize(
    "text, words",
    [
        ('[{"op": "conv", "input": -1, "input": 0}]', "'input' occurs twice"),
        ('[{"op": "conv", "kernel": 1, "input": NaN}]', "NaN"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("[" * 500 + "]" * 500, "each branch is an object"),
        ('[{"op": "conv", "kernel": [[[1]]], "input": -1}]', "kernel"),
        (json.dumps([{**CONV1, "input": 10**4000}]), "branch 0 reads 1000"),
        (json.dumps([{**CONV1, "op": "x" * 10_000}]), "'conv' or 'pyramid_pooling'"),
        (json.dumps([{**CONV1, "y" * 10_000: 1}]), "unknown keys"),
    ],
)
def test_odd_json_is_refused_in_few_words(text, words):
    with pytest.raises(GenotypeError) as e:
        Genotype.from_json(text)
    assert words in str(e.value) and len(str(e.value)) < 600


def test_rates_outside_the_space_only_when_asked_for():
    genotype = Genotype.from_list([{**CONV3, "rate": [2, 5]}], outside_space=True)
    assert genotype.branches[0].rate == (2, 5)
    with pytest.raises(GenotypeError, match="at least 1"):
        Genotype.from_list([{**CONV3, "rate": [0, 5]}], outside_space=True)


def test_rules_hold_without_json_too():
    with pytest.raises(GenotypeError, match="branch 0.*only a conv3x3"):
        Genotype((Branch(BACKBONE, "conv1x1", rate=(1, 1)),))
    with pytest.raises(GenotypeError, match="branch 0.*'conv'"):
        Genotype((Branch(BACKBONE, "conv"),))


def test_genotypes_are_frozen_and_hashable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DPC_TOP1.branches = ()
    assert len({DPC_TOP1, Genotype.from_json(PUBLISHED)}) == 1
