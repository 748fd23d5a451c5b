"""Intervals, pairs and the winner of a confirmation, and that test is opened once."""

import json
import math
import types

import pytest
from scipy import stats

from deeplab_dpc import files
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.search import confirmation
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.confirmation import Confirmation, Interval
from deeplab_dpc.search.folder import SearchFolderError
from deeplab_dpc.search.trials import Outcome
from tests.search import scenes

SMALL = Genotype((Branch.conv1x1(BACKBONE),))
OTHER = Genotype((Branch.conv3x3(BACKBONE, (3, 6)),))


def outcomes(*pairs):
    return {n: Outcome(score=a, test_score=b) for n, (a, b) in enumerate(pairs)}


def made() -> Confirmation:
    """The first finalist is better on the evaluation split, worse on test."""
    return Confirmation(
        eval_split="val[50%:]",
        test_split="test",
        num_seeds=3,
        cells={"trial 7": SMALL, "trial 2": OTHER, **confirmation.NAMED},
        looks_s=(1.5e9,),
        outcomes={
            "trial 7": outcomes((0.5, 0.41), (0.6, 0.42), (0.7, 0.46)),
            "trial 2": outcomes((0.4, 0.51), (0.5, 0.52), (0.6, 0.56)),
            "dpc_top1": outcomes((0.3, 0.40), (0.3, 0.43), (0.3, 0.42)),
            "ASPP": outcomes((0.9, 0.9), (0.9, 0.9), (0.9, 0.9)),
        },
    )


@pytest.fixture
def found():
    return made()


def test_an_interval_is_students():
    """scipy's own, and by hand: 1, 2, 3 have the standard error 1 / sqrt(3)."""
    found = Interval.of([1.0, 2.0, 3.0])
    assert found.mean == 2 and found.num_values == 3
    assert found.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-5)
    low, high = stats.t.interval(0.95, 2, 2, 1 / math.sqrt(3))
    assert (2 - found.half_width, 2 + found.half_width) == pytest.approx((low, high))
    assert math.isnan(Interval.of([1.0]).half_width)


def test_the_winner_is_the_best_finalist_of_the_evaluation_split(found):
    """Its gains by pairs of a seed are 0.01, -0.01, 0.04: seeds' own ups are gone."""
    assert found.is_complete and found.winner() == "trial 7"
    assert found.interval("trial 7").mean == pytest.approx(0.6)
    assert found.interval("trial 7", "test_score").mean == pytest.approx(0.43)
    gain = found.gain("trial 7", "test_score")
    assert vars(gain) == pytest.approx(vars(Interval.of([0.01, -0.01, 0.04])))
    assert gain.mean == pytest.approx(0.04 / 3) and gain.num_values == 3


def test_it_is_kept_and_read_again(found, tmp_path):
    found.save(tmp_path)
    assert Confirmation.load(tmp_path) == found
    assert Confirmation.load(tmp_path).cells["dpc_top1"] == DPC_TOP1
    path = tmp_path / "confirmation.json"
    values = json.loads(path.read_text())
    only_named = {"cells": {name: values["cells"][name] for name in ("ASPP",)}}
    odd = {**values["outcomes"]["ASPP"]["0"], "test_score": []}
    not_a_number = {"outcomes": {"ASPP": {"0": odd}}}
    for broken in ({"looks_s": []}, {"num_seeds": "3"}, only_named, not_a_number):
        path.write_text(json.dumps({**values, **broken}))
        with pytest.raises(SearchFolderError, match="Delete it to confirm"):
            Confirmation.load(tmp_path)
    (tmp_path / "confirmation.json").unlink()
    assert Confirmation.load(tmp_path) is None


def test_a_second_look_is_refused_and_an_unfinished_one_is_none(found, tmp_path):
    found.save(tmp_path)
    error, message = confirmation.ConfirmationError, "'test' was opened .*2017"
    with pytest.raises(error, match=message):
        protocol = confirmation.Protocol("val", "test", 3, 2)
        confirmation.confirm(None, tmp_path, protocol)
    del found.outcomes["ASPP"][2]
    assert not found.is_complete
    found.save(tmp_path)
    told = r"begun with --eval_split='val\[50%:\]' --test_split=test --num_seeds=3\."
    with pytest.raises(error, match=told):
        confirmation.confirm(None, tmp_path, protocol)


@pytest.mark.parametrize("splits", [("val", "val[50%:]"), ("val[:4]", "val[3:]")])
def test_what_the_winner_is_chosen_by_and_tested_on_are_apart(tmp_path, splits):
    cache = Cache.open(scenes.make_cache(tmp_path / "cache"))
    search = types.SimpleNamespace(open_cache=lambda: cache)
    with pytest.raises(confirmation.ConfirmationError, match="share images"):
        confirmation.confirm(search, tmp_path, confirmation.Protocol(*splits, 2, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_second_confirmation_at_once_is_refused(tmp_path):
    """Each would write the other's outcomes over."""
    with (
        files.claimed(tmp_path / ".confirm.lock"),
        pytest.raises(files.LockedError, match="is being written by process"),
    ):
        confirmation.confirm(None, tmp_path, confirmation.Protocol("val", "test", 2, 1))
