"""Searches to look at and to test: none, one, few and very many trials."""

import dataclasses
import functools
import math

import numpy as np

from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.reports.search import report
from deeplab_dpc.search.config import ProxyConfig, SamplerConfig, SpaceConfig
from deeplab_dpc.search.results import END_TO_END, SearchResults
from deeplab_dpc.search.space import Space
from deeplab_dpc.search.trials import Outcome, TrialRecord
from tests.reports.evaluation.html_page import Page

SPACE = Space.from_config(SpaceConfig())
BEGAN_S = 1_780_000_000.0  # 2026-05-28.
SIZE = 33 * 33  # Positions of the features.
WORKERS = 4
NAN_NUMBER, INF_NUMBER = 11, 13
AWKWARD = "<script>alert('x')</script> & \x00\ud800 $a^b$"


def quality(genotype: Genotype) -> float:
    """A score: the more rates, the better."""
    return 0.38 + 0.02 * len({branch.rate for branch in genotype.branches})


def multiply_adds(genotype: Genotype) -> int:
    """Of the branches and the projection, to the order of magnitude."""
    return SIZE * sum(256 * (512 + 9 * (b.op == "conv3x3")) for b in genotype.branches)


def outcome(genotype: Genotype, rng: np.random.Generator, noise=0.008) -> Outcome:
    score = quality(genotype) + rng.normal(0, noise)
    norms = rng.uniform(200, 900, len(genotype.branches))
    return Outcome(
        score=float(score),
        multiply_adds=multiply_adds(genotype),
        parameters=multiply_adds(genotype) // SIZE,
        took_s=float(rng.uniform(55, 65)),
        losses=((0, 2.4), (600, 0.7)),
        scores=((300, score * 0.8), (600, float(score))),
        branch_norms=tuple(map(float, norms)),
        steps=600,
    )


def trial(number=0, score=None, cell=DPC_TOP1, state="complete", **fields):
    """One with a score, or with a whole outcome."""
    if score is not None:
        fields["outcome"] = Outcome(score=score)
    return TrialRecord(number=number, genotype=cell, state=state, **fields)


@functools.cache
def trials(number: int) -> tuple[TrialRecord, ...]:
    """Trials of which some failed, stopped, got lost, or have no finite score.

    The last ones of each worker are running; the best become likelier with time.
    """
    rng, found = np.random.default_rng(0), []
    running = {"state": "running", "outcome": None, "ended_s": None, "error": ""}
    for i in range(number):
        tries = [SPACE.sample(rng) for _ in range(1 + (i > number / 3))]
        record = _ended(i, max(tries, key=quality), rng)
        is_last = i >= number - WORKERS and number > WORKERS
        found.append(dataclasses.replace(record, **running) if is_last else record)
    return tuple(found)


def _ended(number, cell, rng) -> TrialRecord:
    began_s = BEGAN_S + 62 * (number // WORKERS)
    given, state, error = outcome(cell, rng), "complete", ""
    if odd := {NAN_NUMBER: math.nan, INF_NUMBER: math.inf}.get(number):
        given = dataclasses.replace(given, score=odd)
    elif number % 17 == 5:
        state, error = "failed", f"The loss is nan at step {number % 600}. {AWKWARD}"
    elif number % 19 == 7:
        state = "stopped"
    elif number % 37 == 9:
        state = "lost"
    return trial(
        number,
        cell=cell,
        state=state,
        outcome=None if state in ("failed", "lost") else given,
        worker=f"host-{number % WORKERS}:{1000 + number % WORKERS}",
        began_s=began_s,
        ended_s=began_s + given.took_s,
        error=error,
    )


def reranked(records, top: int = 5, seed: int = 1) -> tuple[TrialRecord, ...]:
    """The best trials, trained whole: other scores, another order."""
    rng = np.random.default_rng(seed)
    best = SearchResults(name="", trials=tuple(records)).scored[:top]
    found = []
    for i, t in enumerate(best):
        given = outcome(t.genotype, rng)
        given = dataclasses.replace(given, score=t.score + rng.normal(0.04, 0.01))
        found.append(trial(i, cell=t.genotype, outcome=given))
    return tuple(found)


def baselines(num_random: int = 20, seed: int = 2) -> dict[str, Outcome]:
    """The published cell, ASPP, and cells drawn uniformly; two end to end, too."""
    rng = np.random.default_rng(seed)
    aspp = dataclasses.replace(outcome(DPC_TOP1, rng), branch_norms=())
    found = {"dpc_top1": outcome(DPC_TOP1, rng), "ASPP": aspp}
    for i in range(num_random):
        found[f"random {i}"] = outcome(SPACE.sample(rng), rng)
    for name in ("dpc_top1", "ASPP"):
        score = found[name].score + 0.04
        found[name + END_TO_END] = dataclasses.replace(found[name], score=score)
    return found


def fidelity(seed: int = 3) -> dict[str, tuple[TrialRecord, ...]]:
    """31 cells in three ways, which agree less and less."""
    rng = np.random.default_rng(seed)
    cells = [SPACE.sample(rng) for _ in range(31)]
    return {
        way: tuple(
            trial(i, cell=cell, outcome=outcome(cell, rng, noise))
            for i, cell in enumerate(cells)
        )
        for way, noise in (("small", 0.002), ("proxy", 0.015), ("large", 0.05))
    }


def html(given: SearchResults) -> str:
    """The page, all but its plots and diagrams."""
    return report.page(given, {})


def trials_section(given: SearchResults) -> str:
    """The section of it that lists the trials."""
    return html(given).split('<section id="trials"')[1].split("</section>")[0]


def text(given: SearchResults) -> str:
    """What one reads on it."""
    return Page(html(given)).text


@functools.cache
def results(number: int, wanted: int | None = None) -> SearchResults:
    """A search with so many trials; from 30 on all of the rest, too."""
    records = trials(number)
    ended = [t.ended_s for t in records if t.ended_s]
    is_full = number >= 30
    parts = {"space": SpaceConfig(), "sampler": SamplerConfig(), "proxy": ProxyConfig()}
    settings = {name: config.to_dict() for name, config in parts.items()}
    return SearchResults(
        name="streets & <more>",
        settings=settings | {"cache": "sha256:0123"},
        num_trials=max(number, 60) if wanted is None else wanted,
        trials=records,
        reranked=reranked(records, 50 if number > 1000 else 5) if is_full else (),
        baselines=baselines() if is_full else {},
        fidelity=fidelity() if is_full else {},
        made_s=max(ended, default=BEGAN_S) + 5,
    )
