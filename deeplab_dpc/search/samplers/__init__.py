"""How the next cell is chosen: samplers over the space of cells."""

from deeplab_dpc.search.samplers.base import CellSampler, SpaceExhausted
from deeplab_dpc.search.samplers.factory import directions, make_pruner, make_sampler

__all__ = [
    "CellSampler",
    "SpaceExhausted",
    "directions",
    "make_pruner",
    "make_sampler",
]
