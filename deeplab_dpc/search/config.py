"""Frozen settings of a search: its space and sampler, the cache, the proxy task."""

import dataclasses
from typing import Literal, get_args

from deeplab_dpc.config import ConfigError
from deeplab_dpc.genotypes import GRID_SIZES, RATES
from deeplab_dpc.settings import Config, setting

SamplerName = Literal["vizier", "random", "evolution", "tpe", "nsga2"]
SAMPLERS: tuple[str, ...] = get_args(SamplerName)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpaceConfig(Config):
    """Which cells there are (paper, Sec. 3.1)."""

    num_branches: int = setting(5, "Branches of a cell.", at_least=1)
    rates: tuple[int, ...] = setting(
        RATES, "Rates of the 3x3 convolutions, each along height and width."
    )
    grid_sizes: tuple[int, ...] = setting(
        GRID_SIZES, "Sides of the pooling grids, each along height and width."
    )
    use_conv1x1: bool = setting(True, "The 1x1 convolution is an operator, too.")
    use_conv3x3: bool = setting(True, "The 3x3 atrous convolutions are operators.")
    use_pyramid_pooling: bool = setting(True, "The poolings are operators.")

    def _check(self) -> None:
        for name, legal in (("rates", RATES), ("grid_sizes", GRID_SIZES)):
            given = getattr(self, name)
            if not set(given) <= set(legal) or len(set(given)) < len(given):
                raise ConfigError(f"{name}={given}; give some of {legal}, each once.")
        if not (self.use_conv1x1 or self.use_conv3x3 or self.use_pyramid_pooling):
            raise ConfigError(
                "The space has no operator; leave out one of --nouse_conv1x1, "
                "--nouse_conv3x3 and --nouse_pyramid_pooling."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplerConfig(Config):
    """How the next cell is chosen, and when a trial is given up."""

    sampler: SamplerName = setting(
        "vizier",
        "vizier: uniform, or near one of the best (the paper's); random: uniform; "
        "evolution: regularised, with ageing; tpe; nsga2: score against multiply-adds.",
    )
    uniform_probability: float = setting(
        0.5, "Share of vizier's cells that are uniform, in 0..1.", at_least=0
    )
    num_best: int = setting(
        10, "Near how many of the best cells vizier looks.", at_least=1
    )
    population_size: int = setting(
        50, "Cells of evolution's and nsga2's population.", at_least=2
    )
    tournament_size: int = setting(
        10, "Cells among which evolution chooses a parent.", at_least=1
    )
    num_startup_trials: int = setting(
        20, "Uniform cells before tpe or early stopping begins.", at_least=1
    )
    window: int = setting(
        1000,
        "How many of the latest trials (beside the best 25) tpe looks at: its time "
        "grows with them.",
        at_least=1,
    )
    early_stopping: Literal["none", "median", "successive_halving"] = setting(
        "none",
        "Stop hopeless candidates: below the median of the others at the same step, or "
        "by successive halving.",
    )
    search_seed: int = setting(0, "Seed of the choice of cells.")

    def _check(self) -> None:
        if self.uniform_probability > 1:
            raise ConfigError(
                f"uniform_probability={self.uniform_probability}; it lies in 0..1."
            )
        is_evolution = self.sampler == "evolution"
        if is_evolution and self.tournament_size > self.population_size:
            raise ConfigError(
                f"tournament_size={self.tournament_size} of population_size="
                f"{self.population_size}; a tournament is a part of the population."
            )
        if self.sampler == "nsga2" and self.early_stopping != "none":
            raise ConfigError(
                f"early_stopping={self.early_stopping} compares one value, but "
                "sampler=nsga2 has two; leave --early_stopping out, or choose another "
                "sampler."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheConfig(Config):
    """Which features are computed once and kept (paper, Sec. 3.3).

    The backbone and its checkpoint, the records, the splits, the crops and their
    scales are those of `ModelConfig`, `DataConfig`, `TrainConfig` and `EvalConfig`.
    """

    num_views: int = setting(
        4, "Random views of each training image that are kept.", at_least=1
    )
    images_per_shard: int = setting(256, "Views in a file of the cache.", at_least=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProxyConfig(Config):
    """How a candidate is trained on the cache; defaults are the paper's (Sec. 4.1)."""

    proxy_steps: int = setting(30_000, "Training steps of a candidate.", at_least=1)
    proxy_batch_size: int = setting(8, "Views of one step.", at_least=1)
    proxy_learning_rate: float = setting(
        0.01, "First learning rate; it falls by the poly policy.", at_least=0
    )
    proxy_learning_power: float = setting(0.9, "Exponent of poly.", at_least=0)
    proxy_momentum: float = setting(0.9, "Momentum.", at_least=0)
    proxy_weight_decay: float = setting(
        4e-5, "L2 on kernels (not depthwise ones).", at_least=0
    )
    proxy_batch_norm_decay: float = setting(
        0.9997, "Decay of the moving averages; short training needs a smaller one."
    )
    proxy_upsample_logits: bool = setting(
        True,
        "Resize the logits to the labels for the loss; else the labels to the logits, "
        "which is faster.",
    )
    proxy_eval_steps: int = setting(
        0,
        "Steps between two scores of a candidate, for its curve and early stopping; "
        "0: a score at the end alone.",
        at_least=0,
    )
    proxy_seed: int = setting(0, "Seed of first weights, dropout and batches.")
    candidates_per_step: int = setting(
        1, "Candidates that train on the same batches at once.", at_least=1
    )

    def _check(self) -> None:
        if not 0 < self.proxy_batch_norm_decay < 1:
            raise ConfigError(
                f"proxy_batch_norm_decay={self.proxy_batch_norm_decay}; it lies "
                "between 0 and 1."
            )
