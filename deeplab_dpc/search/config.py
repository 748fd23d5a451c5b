"""Frozen settings of a search: its space and sampler, the cache, the proxy task."""

import dataclasses
from typing import Any, Literal, get_args

from deeplab_dpc.config import ConfigError
from deeplab_dpc.genotypes import GRID_SIZES, RATES
from deeplab_dpc.settings import Config, setting

SamplerName = Literal["vizier", "random", "evolution", "predictor", "tpe", "nsga2"]
SAMPLERS: tuple[str, ...] = get_args(SamplerName)
FIDELITY_SETTINGS = ("small", "proxy", "exact", "large")  # `fidelity` says what.
JOURNAL = "study.journal"  # The study in a search's folder.
EarlyStopping = Literal["none", "median", "successive_halving", "hyperband"]


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
    max_multiply_adds: str = setting(
        "",
        "Cells cost at most so many on a validation image: a number, or top1: as many "
        "as the published cell.",
    )
    use_conv1x1: bool = setting(True, "The 1x1 convolution is an operator, too.")
    use_conv3x3: bool = setting(True, "The 3x3 atrous convolutions are operators.")
    use_pyramid_pooling: bool = setting(True, "The poolings are operators.")

    def _check(self) -> None:
        for name, legal in (("rates", RATES), ("grid_sizes", GRID_SIZES)):
            given = getattr(self, name)
            if not set(given) <= set(legal) or len(set(given)) < len(given):
                raise ConfigError(f"{name}={given}; give some of {legal}, each once.")
        limit = self.max_multiply_adds
        if limit not in ("", "top1") and not (limit.isdecimal() and int(limit)):
            raise ConfigError(
                f"max_multiply_adds={limit!r}; give a whole number, such as 500000000, "
                "or top1."
            )
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
        "evolution: regularised, with ageing; predictor: of which a ridge regression "
        "expects most; tpe; nsga2: score against multiply-adds.",
    )
    uniform_probability: float = setting(
        0.5, "Share of vizier's and predictor's uniform cells, in 0..1.", at_least=0
    )
    num_best: int = setting(
        10, "Near how many of the best cells vizier and predictor look.", at_least=1
    )
    population_size: int = setting(
        0,
        "Cells of evolution's and nsga2's population; 0: a third of --num_trials, from "
        "10 to 50.",
        at_least=0,
    )
    tournament_size: int = setting(
        10, "Cells among which evolution chooses a parent.", at_least=1
    )
    num_startup_trials: int = setting(
        20, "Uniform cells before tpe, predictor or the median begins.", at_least=1
    )
    window: int = setting(
        1000,
        "How many of the latest trials tpe (beside the best 25) and predictor look at: "
        "their time grows with them.",
        at_least=1,
    )
    early_stopping: EarlyStopping = setting(
        "none",
        "Stop hopeless candidates, by the scores of all that reached the same step: "
        "median: below it; successive_halving: not among the best 1 / factor; "
        "hyperband: the same, but some later or never.",
    )
    early_stopping_min_steps: int = setting(
        0, "Steps before the first decision; 0: a sixth of --proxy_steps.", at_least=0
    )
    early_stopping_factor: int = setting(
        3,
        "One in so many goes on, and is looked at after so many times the steps.",
        at_least=2,
    )
    search_seed: int = setting(0, "Seed of the choice of cells.")

    def first_decision(self, num_steps: int) -> int:
        """Steps of `num_steps` after which early stopping looks at a cell first."""
        return self.early_stopping_min_steps or -(-num_steps // 6)

    def _check(self) -> None:
        if self.uniform_probability > 1:
            raise ConfigError(
                f"uniform_probability={self.uniform_probability}; it lies in 0..1."
            )
        is_evolution = self.sampler == "evolution"
        if self.population_size == 1:
            raise ConfigError("population_size=1; give at least 2, or 0 for a default.")
        if is_evolution and 0 < self.population_size < self.tournament_size:
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
    proxy_label_stride: int = setting(
        1,
        "Every how many rows and columns a label's pixel counts in the loss, if the "
        "logits are resized.",
        at_least=1,
    )
    proxy_fast_math: bool = setting(
        False,
        "Compute the cell in bfloat16, and draw its dropout from bytes: faster where "
        "the processor multiplies bfloat16.",
    )
    proxy_eval_steps: int = setting(
        0,
        "Steps between two scores of a candidate, for its curve and early stopping; "
        "0: a score at the end alone.",
        at_least=0,
    )
    proxy_seed: int = setting(
        0, "Seed of first weights, dropout and batches.", at_least=0
    )
    candidates_per_step: int = setting(
        1, "Candidates that train on the same batches at once.", at_least=1
    )

    def _check(self) -> None:
        if not 0 < self.proxy_batch_norm_decay < 1:
            raise ConfigError(
                f"proxy_batch_norm_decay={self.proxy_batch_norm_decay}; it lies "
                "between 0 and 1."
            )
        if self.proxy_label_stride > 1 and not self.proxy_upsample_logits:
            raise ConfigError(
                f"proxy_label_stride={self.proxy_label_stride} is of the labels' "
                "pixels, but with --noproxy_upsample_logits labels are resized to the "
                "logits; leave one of the two out."
            )


PARTS: Any = {"space": SpaceConfig, "sampler": SamplerConfig, "proxy": ProxyConfig}
"""What a search remembers of its settings, by their names in its file."""
