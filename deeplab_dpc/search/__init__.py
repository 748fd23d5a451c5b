"""The search for dense prediction cells (Chen et al., 2018, arXiv:1809.04184).

The names below are imported when they are first used, as those of the whole package.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deeplab_dpc.search.cache import Cache, write_cache
    from deeplab_dpc.search.config import (
        CacheConfig,
        ProxyConfig,
        SamplerConfig,
        SpaceConfig,
    )
    from deeplab_dpc.search.proxy import Proxy
    from deeplab_dpc.search.samplers import make_sampler
    from deeplab_dpc.search.space import Space
    from deeplab_dpc.search.study import Strategy, Study, Terms
    from deeplab_dpc.search.trials import Outcome, TrialRecord
    from deeplab_dpc.search.worker import Worker, objective_of

__all__ = [
    "Cache",
    "CacheConfig",
    "Outcome",
    "Proxy",
    "ProxyConfig",
    "SamplerConfig",
    "Space",
    "SpaceConfig",
    "Strategy",
    "Study",
    "Terms",
    "TrialRecord",
    "Worker",
    "make_sampler",
    "objective_of",
    "write_cache",
]

_HOMES = {
    "cache": ("Cache", "write_cache"),
    "config": ("CacheConfig", "ProxyConfig", "SamplerConfig", "SpaceConfig"),
    "proxy": ("Proxy",),
    "samplers": ("make_sampler",),
    "space": ("Space",),
    "study": ("Strategy", "Study", "Terms"),
    "trials": ("Outcome", "TrialRecord"),
    "worker": ("Worker", "objective_of"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
