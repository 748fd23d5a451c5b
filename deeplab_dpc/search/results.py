"""What a search found, for its report, and how far two scores rank cells alike."""

import collections
import dataclasses
import functools
import math
import os
import time
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from deeplab_dpc.formatting import count
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.clocks import aligned
from deeplab_dpc.search.trials import STATES, Outcome, TrialRecord, by_score

if TYPE_CHECKING:
    from deeplab_dpc.search.confirmation import Confirmation

Pairs = list[tuple[TrialRecord, TrialRecord]]
END_TO_END = ", end to end"
"""How the name of a baseline ends that was trained as reranked cells are."""
CONFIDENCE = 0.95
"""Of the intervals of `spearman`."""
_RESAMPLES = 2000
_VALUES_AT_ONCE = 1_000_000  # Of a batch of resamples, so that memory stays small.
_MOST_EXACT_PAIRS = 7  # 5,040 permutations.


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchResults:
    """A search as far as it came.

    Attributes:
        name: Of the study.
        settings: What was asked for, by part and name, as JSON types.
        num_trials: How many trials were asked for.
        trials: Of the study, in any order and every state.
        reranked: Cells that were trained end to end, with that training's outcome; a
            trial of the same cell is found by its genotype.
        baselines: Outcomes of cells and modules that were not searched, by name;
            trained end to end if the name ends in `END_TO_END`, else as trials are.
        fidelity: Trainings of the same cells in several ways, by the way's name; the
            first is compared with each of the others (paper, Figure 3).
        confirmation: The last word on the best of them, if it was asked for.
        made_s: Seconds since 1970 at which this was read from the study.
        ahead_s: By how many seconds the clocks of some workers were ahead (or, below 0,
            behind), by worker; the times of their trials have been set right.
    """

    name: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    num_trials: int = 0
    trials: tuple[TrialRecord, ...] = ()
    reranked: tuple[TrialRecord, ...] = ()
    baselines: Mapping[str, Outcome] = dataclasses.field(default_factory=dict)
    fidelity: Mapping[str, tuple[TrialRecord, ...]] = dataclasses.field(
        default_factory=dict
    )
    confirmation: "Confirmation | None" = None
    made_s: float = 0.0
    ahead_s: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """A search as far as it came; an error if there is none in the folder."""
        # These train.
        from deeplab_dpc.search import baselines, confirmation, end_to_end, fidelity
        from deeplab_dpc.search.folder import Search

        search, now_s = Search.load(folder), time.time()
        trials, ahead_s = aligned(search.open_study().records(), now_s)
        return cls(
            name=search.name,
            settings={**search.settings(), "cache_dir": search.cache_dir},
            num_trials=search.num_trials,
            trials=trials,
            reranked=end_to_end.reranked(search),
            baselines=baselines.read(folder),
            fidelity=fidelity.records(search),
            confirmation=confirmation.Confirmation.load(folder),
            made_s=now_s,
            ahead_s=ahead_s,
        )

    def counts(self) -> dict[str, int]:
        """How many trials are in each of `STATES`; zeros are named, too."""
        found = collections.Counter(t.state for t in self.trials)
        return {state: found[state] for state in STATES}

    def num_done(self) -> int:
        """Trials with an outcome, and those of cells that are not tried any more."""
        last: dict[Genotype, int] = {}
        for t in self.trials:
            last[t.genotype] = max(t.attempt, last.get(t.genotype, 0))
        return sum(
            t.state in ("complete", "stopped")
            or (t.state in ("failed", "lost") and t.attempt == last[t.genotype])
            for t in self.trials
        )

    @functools.cached_property
    def scored(self) -> list[TrialRecord]:
        """The complete trials whose score is a number, the best first."""
        return by_score(self.trials)

    def rerank_pairs(self) -> Pairs:
        """The trial and the end-to-end training of each reranked cell that has both."""
        return same_cells(self.trials, self.reranked)

    def fidelity_pairs(self) -> dict[tuple[str, str], Pairs]:
        """Cells in the first way of training and in each other, by the ways' names."""
        first, *others = self.fidelity or ("",)
        trials = self.fidelity
        return {(first, n): same_cells(trials[first], trials[n]) for n in others}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rank correlation of some pairs."""

    rho: float  # -1..1; nan with fewer than three pairs or a side that does not vary.
    # Probability of as large a |rho| for pairs in random order; nan with rho.
    p_value: float
    # Where rho lies with `CONFIDENCE`, from resampled pairs; nan, nan with rho.
    interval: tuple[float, float]
    num_pairs: int  # Pairs that were used.

    def __str__(self) -> str:
        pairs = count(self.num_pairs, "cell")
        if math.isnan(self.rho):
            return f"no Spearman's rho from {pairs}"
        low, high = self.interval
        return (
            f"Spearman's rho {self.rho:.2f} ({100 * CONFIDENCE:g} % interval "
            f"{low:.2f} to {high:.2f}, p = {self.p_value:.2g}, {pairs})"
        )


def same_cells(one: Iterable[TrialRecord], other: Iterable[TrialRecord]) -> Pairs:
    """The trials of the cells that have a finite score in both, in `other`'s order."""
    found = {t.genotype: t for t in reversed(by_score(one))}
    best = {t.genotype: t for t in reversed(by_score(other))}
    ordered = sorted(best.values(), key=lambda t: t.number)
    return [(found[t.genotype], t) for t in ordered if t.genotype in found]


def scores_of(pairs: Iterable[tuple[TrialRecord, TrialRecord]]) -> np.ndarray:
    """The two scores of each pair, `[pairs, 2]`; nan where there is none."""
    return np.array([[t.score for t in pair] for pair in pairs], float).reshape(-1, 2)


def spearman(pairs: ArrayLike, *, seed: int = 0) -> Correlation:
    """Spearman's rho of pairs of scores, with ties at their mean rank.

    Pairs with a value that is not finite are left out. The p-value is exact up to seven
    pairs, by all permutations; beyond, that of Student's t. The interval is the
    percentile bootstrap's, resampled from the seed. With few pairs it is too narrow
    rather than too wide.
    """
    values = np.array(pairs, float).reshape(-1, 2)
    x, y = values[np.isfinite(values).all(axis=1)].T
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        nan = math.nan
        return Correlation(rho=nan, p_value=nan, interval=(nan, nan), num_pairs=len(x))
    return Correlation(
        rho=float(_rank_correlation(x, y)),
        p_value=_p_value(x, y),
        interval=_interval(x, y, seed),
        num_pairs=len(x),
    )


def _rank_correlation(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Pearson's correlation of the ranks along an axis; nan where one is flat."""
    ranks = [stats.rankdata(v, axis=axis) for v in (x, y)]
    a, b = (r - r.mean(axis=axis, keepdims=True) for r in ranks)
    lengths = np.sqrt((a * a).sum(axis=axis) * (b * b).sum(axis=axis))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip((a * b).sum(axis=axis) / lengths, -1.0, 1.0)


def _p_value(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) > _MOST_EXACT_PAIRS:
        return float(stats.spearmanr(x, y).pvalue)
    found = stats.permutation_test(
        (x,),
        lambda x, axis: _rank_correlation(x, np.broadcast_to(y, x.shape), axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=math.inf,
    )
    return float(found.pvalue)


def _interval(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """Percentiles of rho over resampled pairs; flat resamples do not count."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (x, y),
            _rank_correlation,
            paired=True,
            vectorized=True,
            n_resamples=_RESAMPLES,
            batch=max(1, _VALUES_AT_ONCE // len(x)),
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(found.bootstrap_distribution, [tail, 100 - tail])
    return float(low), float(high)
