"""Who goes on to the last stage of the proof, and the differences that are tested."""

import json
import statistics

import pytest
from scipy import stats

from benchmarks import camvid_features, search_proof, search_proof_summary
from deeplab_dpc.genotypes import BACKBONE, RATES, Branch, Genotype
from deeplab_dpc.search.confirmation import Interval


@pytest.fixture
def table(monkeypatch, tmp_path):
    monkeypatch.setattr(search_proof, "TABLE", tmp_path / "proof.csv")

    def add(stage, name, number, score, cell=None, steps=300, **more):
        row = {
            "stage": stage,
            "name": name,
            "number": number,
            "cell": "",
            "steps": steps,
            "score": score,
            "genotype": json.dumps(cell.to_list()) if cell else "",
            "test": more.get("test", ""),
            "0001TP": more.get("test", ""),
            "Seq05VD": more.get("other", ""),
        }
        camvid_features.append(search_proof.TABLE, row)

    return add


def cell(rate):
    return Genotype((Branch.conv3x3(BACKBONE, (rate, rate)),))


def test_the_best_whole_trainings_go_on_and_the_best_of_two_seeds_is_found(table):
    """Trial 1 was stopped, trial 0 is fourth; of the rest trial 4 has the best mean."""
    scores = [(150, 0.1), (50, 0.9), (150, 0.4), (150, 0.3), (150, 0.2)]
    rates = [1, 3, 6, 9, 12]
    for search in search_proof.SEARCHES:
        for number, ((steps, score), rate) in enumerate(zip(scores, rates)):
            table("search", search, number, score, cell(rate), steps)
        for number, pair in {2: (0.5, 0.1), 3: (0.2, 0.3), 4: (0.3, 0.35)}.items():
            for seed, score in zip(search_proof.AGAIN, pair):
                name = f"{search}, trial {number}"
                table("again", name, seed, score, cell(rates[number]))
    for i in range(search_proof.NUM_RANDOM):  # 0.11 down to 0.0: the sixth is 0.06.
        table("random", f"random cell {i}", 0, (11 - i) / 100, cell(RATES[i % 8]))
    assert list(search_proof.best_of("guided 2")) == ["2", "3", "4"]
    found = search_proof.finalists()
    assert found.pop("ASPP") is None and len(found.pop("dpc_top1").branches) == 5
    assert found.pop("median random") == cell(RATES[5])
    assert found == dict.fromkeys(search_proof.SEARCHES, cell(12))


def test_differences_are_of_pairs_and_of_searches(table):
    gains = {"random": (0.01, 0.02, 0.03, 0.04), "guided": (0.03, 0.05, 0.05, 0.09)}
    noise = {100: 0.0, 101: 0.2, 102: 0.1}
    for seed, shift in noise.items():
        table("final", "dpc_top1", seed, 0.5, test=0.4 + shift, other=0.1)
        for kind, values in gains.items():
            for i, gain in enumerate(values):
                value = 0.4 + shift + gain + (0.01 if seed == 100 else 0)
                table("final", f"{kind} {i}", seed, 0.5, test=value, other=0.3)
    found = search_proof_summary.gain(search_proof.SEARCHES, "dpc_top1", "test")
    expected = Interval.of([0.04 + 0.01, 0.04, 0.04])
    assert found.mean == pytest.approx(expected.mean) and found.num_values == 3
    assert found.half_width == pytest.approx(expected.half_width)
    by_drive = search_proof_summary.gain(["random 0"], "dpc_top1", "Seq05VD")
    assert (by_drive.mean, by_drive.half_width) == pytest.approx((0.2, 0))
    names = [[f"{kind} {i}" for i in range(4)] for kind in ("guided", "random")]
    welch = search_proof_summary.between(*names, "test")
    assert welch.mean == pytest.approx(0.055 - 0.025)
    spread = [statistics.variance(gains[kind]) / 4 for kind in gains]
    error = sum(spread) ** 0.5
    freedom = sum(spread) ** 2 / sum(s**2 / 3 for s in spread)
    assert welch.half_width == pytest.approx(stats.t.ppf(0.975, freedom) * error)
