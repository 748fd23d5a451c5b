"""Cells of which a ridge regression over simple features expects the most."""

import numpy as np

from deeplab_dpc.genotypes import BACKBONE, Genotype
from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.context_modules import module_costs
from deeplab_dpc.search.history import History
from deeplab_dpc.search.samplers.base import CellSampler, estimates
from deeplab_dpc.search.space import Space

POOL_SIZE = 300  # Cells among which the one of the highest prediction is chosen.
FEATURES = (
    "1x1 convolutions, 3x3 convolutions, poolings",  # Counts.
    "branches that read the backbone, that no other reads, largest and mean depth",
    "sums of the logarithms of rates: rows, columns, and their difference's size",
    "sum of the logarithms of pooling grids' cells",
    "receptive fields, rows and columns: largest and mean over the branches",
    "logarithm of the multiply-adds",
)
_COSTED_AT = 320, (33, 33)  # Channels and feature map; another scale ranks the same.
_OPS = ("conv1x1", "conv3x3", "pyramid_pooling")


def features_of(genotype: Genotype) -> np.ndarray:
    """What the predictor knows of a cell, float64 `[16]`, in the order of `FEATURES`.

    A receptive field is in pixels of the feature map beside a branch's centre: the sum
    of the rates on its way from the backbone.
    """
    branches = genotype.branches
    depths: list[int] = []
    fields: list[np.ndarray] = []
    for branch in branches:
        is_first = branch.source == BACKBONE
        depths.append(1 if is_first else 1 + depths[branch.source])
        reach = np.array(branch.rate or (0, 0), float)
        fields.append(reach if is_first else reach + fields[branch.source])
    rates = np.log([b.rate for b in branches if b.rate] or [(1, 1)])
    grids = [np.prod(b.grid_size) for b in branches if b.grid_size]
    sources = [b.source for b in branches]
    return np.array(
        [
            *(sum(b.op == op for b in branches) for op in _OPS),
            sources.count(BACKBONE),
            len(branches) - len({s for s in sources if s != BACKBONE}),
            *(max(depths), np.mean(depths)),
            *rates.sum(axis=0),
            np.abs(rates[:, 0] - rates[:, 1]).sum(),
            np.log(grids).sum(),
            *np.max(fields, axis=0),
            *np.mean(fields, axis=0),
            np.log(module_costs(genotype, *_COSTED_AT)[1]),
        ]
    )


class PredictorSampler(CellSampler):
    """With a probability a uniform cell, else the most promising of `POOL_SIZE`.

    Half of these are uniform, half are near the `num_best` best. A ridge regression
    (scikit-learn's `RidgeCV`) from `features_of` to the scores so far, stopped trials
    with their `estimates`, says which one. The first `num_startup_trials` are uniform,
    and of all trials the `window` latest count.
    """

    def __init__(self, config: SamplerConfig, space: Space):
        super().__init__(config, space)
        self._features: dict[int, np.ndarray] = {}  # By number of a trial.

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        scores = estimates(history, self.config.window)
        is_early = len(scores) < self.config.num_startup_trials
        if is_early or rng.random() < self.config.uniform_probability:
            return self.space.sample(rng)
        best = sorted(scores, key=lambda n: (-scores[n], n))[: self.config.num_best]
        parents = [history.record(n).genotype for n in best]
        pool = [self.space.sample(rng) for _ in range(POOL_SIZE // 2)]
        while len(pool) < POOL_SIZE:
            parent = parents[int(rng.integers(len(parents)))]
            pool.append(self.space.mutate(parent, rng))
        new = [g for g in pool if self.space.key(g) not in history.by_key] or pool
        for number in scores.keys() - self._features.keys():
            self._features[number] = features_of(history.record(number).genotype)
        seen = np.stack([self._features[number] for number in scores])
        cells = np.stack([features_of(genotype) for genotype in new])
        found = _predicted(seen, list(scores.values()), cells)
        return new[int(np.argmax(found))]


def _predicted(seen: np.ndarray, scores: list[float], cells: np.ndarray) -> np.ndarray:
    """Scores expected of cells, from the scores of those seen; rows are features."""
    from sklearn import linear_model, pipeline, preprocessing  # Takes a second.

    ridge = linear_model.RidgeCV(np.logspace(-2, 4, 13))
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), ridge)
    return model.fit(seen, scores).predict(cells)
