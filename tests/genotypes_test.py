import dataclasses
import json
import random
import time

import pytest

from deeplab_dpc import Branch, Genotype, GenotypeError
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, GRID_SIZES, RATES
from tests import nightly, odd_values

PUBLISHED = (
    '[{"kernel": 3, "rate": [1, 6], "op": "conv", "input": -1}, '
    '{"kernel": 3, "rate": [18, 15], "op": "conv", "input": 0}, '
    '{"kernel": 3, "rate": [6, 3], "op": "conv", "input": 1}, '
    '{"kernel": 3, "rate": [1, 1], "op": "conv", "input": 0}, '
    '{"kernel": 3, "rate": [6, 21], "op": "conv", "input": 0}]'
)


def test_the_published_cell_is_the_papers():
    """Its size that of Table 1: depthwise and pointwise kernels, without the 1x1 after the
    concatenation.
    """
    assert Genotype.from_json(PUBLISHED) == DPC_TOP1
    assert len({DPC_TOP1, Genotype.from_json(PUBLISHED)}) == 1
    assert DPC_TOP1.to_json() == PUBLISHED
    for channels, paper_parameters in ((2048, 814_080), (320, 356_160)):
        sources = [branch.source for branch in DPC_TOP1.branches]
        inputs = [channels if source == BACKBONE else 256 for source in sources]
        assert sum(9 * n + n * 256 for n in inputs) == paper_parameters
    with pytest.raises(dataclasses.FrozenInstanceError):
        DPC_TOP1.branches = ()


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
    assert len(genotype.branches) == 81  # The operators of the space.
    assert Genotype.from_json(genotype.to_json()) == genotype


CONV1 = {"op": "conv", "kernel": 1, "input": -1}
CONV3 = {"op": "conv", "kernel": 3, "input": -1}
POOLING = {"op": "pyramid_pooling", "input": -1}


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
        ([{**CONV1, "kernel": [True, True]}], ["branch 0", "[True, True]"]),
        ([{**CONV3, "kernel": [3.0, 3]}], ["branch 0", "[3.0, 3]"]),
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
        ([{**CONV3, "rate": [1, 2]}], ["0 has rate (1, 2)", "21) (or pass `outside_s"]),
        ([{**CONV3, "rate": [1, 6, 6]}], ["branch 0", "(1, 6, 6)", "two integers"]),
        ([{**CONV3, "rate": [1.0, 6]}], ["branch 0", "(1.0, 6)"]),
        ([{**POOLING, "grid_size": [3, 1]}], ["branch 0", "(3, 1)", "(1, 2, 4, 8)"]),
    ],
)
def test_a_cell_outside_the_rules_is_refused_with_value_and_legal(branches, words):
    with pytest.raises(GenotypeError) as e:
        Genotype.from_json(json.dumps(branches))
    assert all(word in str(e.value) for word in words), str(e.value)


def test_rates_outside_the_space_only_when_asked_for():
    genotype = Genotype.from_list([{**CONV3, "rate": [2, 5]}], outside_space=True)
    assert genotype.branches[0].rate == (2, 5)
    with pytest.raises(GenotypeError, match="at least 1"):
        Genotype.from_list([{**CONV3, "rate": [0, 5]}], outside_space=True)


def test_rules_hold_without_json_too():
    for op, words in {"conv1x1": "only a conv3x3", "conv": "'conv'"}.items():
        with pytest.raises(GenotypeError, match=f"branch 0.*{words}"):
            Genotype((Branch(BACKBONE, op, rate=(1, 1)),))


@pytest.mark.parametrize(
    "text, words",
    [
        ('[{"op": "conv", "input": -1, "input": 0}]', "'input' occurs twice"),
        ('[{"op": "conv", "kernel": 1, "input": NaN}]', "NaN"),
        ("[", "line 1, column 2"),
        ("[", "Expected a list"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("[" * 500 + "]" * 500, "each branch is an object"),
        ('[{"op": "conv", "kernel": [[[1]]], "input": -1}]', "kernel"),
        ('{"a":' * 100_000, "nested too deeply"),
        (json.dumps([{**CONV1, "input": 10**4000}]), "branch 0 reads 1000"),
        ('[{"input": ' + "9" * 5000 + "}]", "4300 digits"),
        (json.dumps([{**CONV3, "rate": [1] * 100_000}]), "two integers"),
        (json.dumps([{**CONV1, **dict.fromkeys(range(9_999), 0)}]), "unknown keys"),
        ("{" + '"a": 0,' * 99_999 + '"b": 0}', "'a' occurs twice"),
        (json.dumps([{**CONV1, "op": "x" * 10_000}]), "'conv' or 'pyramid_pooling'"),
        (json.dumps([{**CONV1, "y" * 10_000: 1}]), "unknown keys"),
    ],
)
def test_odd_json_is_refused_in_few_words(text, words):
    start_s = time.monotonic()
    with pytest.raises(GenotypeError) as e:
        Genotype.from_json(text)
    assert words in str(e.value) and len(str(e.value)) < 600
    assert time.monotonic() - start_s < 1


def test_a_million_branches_and_ten_megabytes_take_no_time():
    many, start_s = (Branch.conv1x1(-1),) * 1_000_000, time.monotonic()
    with pytest.raises(GenotypeError, match="at most 1,000 branches"):
        Genotype(many)
    with pytest.raises(GenotypeError, match="at most 1,000 branches"):
        Genotype.from_list([CONV1] * 1_000_000)
    for text in ("[" + "7," * 1_000_000 + "7]", '["' + "x" * 10_000_000 + '"]'):
        with pytest.raises(GenotypeError, match="characters; a cell has at most"):
            Genotype.from_json(text)
    assert time.monotonic() - start_s < 1
    assert len(Genotype.from_json(json.dumps([CONV1] * 1000)).branches) == 1000


def test_changed_cells_are_read_or_refused_in_few_words():
    """One to three odd values, then perhaps an odd piece of text. What is read is a cell
    of the space: it comes back from its own JSON.
    """
    rng, read = random.Random(0), 0
    for _ in range(nightly.of(500, 10_000)):
        branches = json.loads(PUBLISHED)
        for _ in range(rng.randint(1, 3)):
            odd_values.change_json(rng, branches)
        text = json.dumps(branches)
        if rng.random() < 0.5:
            text = odd_values.changed(rng, text, ["", *'[},"9', "\ud800", "\0"])
        try:
            cell = Genotype.from_json(text)
        except GenotypeError as e:
            assert len(str(e)) < 600, text
            continue
        read += 1
        assert Genotype.from_json(cell.to_json()) == cell
    assert read
