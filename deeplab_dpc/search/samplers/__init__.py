"""How the next cell is chosen: samplers for Optuna's studies over the flat cells."""

from deeplab_dpc.search.samplers.base import (
    CellSampler,
    SpaceExhausted,
    distributions,
)
from deeplab_dpc.search.samplers.factory import directions, make_pruner, make_sampler

__all__ = [
    "CellSampler",
    "SpaceExhausted",
    "directions",
    "distributions",
    "make_pruner",
    "make_sampler",
]
