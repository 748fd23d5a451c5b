"""Dense prediction cells for semantic image segmentation, on TensorFlow and Keras 3.

Chen et al., "Searching for Efficient Multi-Scale Architectures for Dense Image
Prediction", NeurIPS 2018, arXiv:1809.04184.

The names below are imported when they are first used: genotypes and settings need no
TensorFlow, and a program can say what TensorFlow may print before it starts.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deeplab_dpc import genotypes
    from deeplab_dpc.config import ConfigError, ModelConfig, TrainConfig
    from deeplab_dpc.genotypes import DPC_TOP1, Branch, Genotype, GenotypeError
    from deeplab_dpc.layers import ASPP, DensePredictionCell
    from deeplab_dpc.model import build_model
    from deeplab_dpc.runs import Run
    from deeplab_dpc.tf1 import (
        LoadReport,
        WeightsError,
        load_tf1_weights,
        save_tf1_checkpoint,
    )

__all__ = [
    "ASPP",
    "DPC_TOP1",
    "Branch",
    "ConfigError",
    "DensePredictionCell",
    "Genotype",
    "GenotypeError",
    "LoadReport",
    "ModelConfig",
    "Run",
    "TrainConfig",
    "WeightsError",
    "build_model",
    "genotypes",
    "load_tf1_weights",
    "save_tf1_checkpoint",
]

_HOMES = {
    "config": ("ConfigError", "ModelConfig", "TrainConfig"),
    "genotypes": ("Branch", "DPC_TOP1", "Genotype", "GenotypeError"),
    "layers": ("ASPP", "DensePredictionCell"),
    "model": ("build_model",),
    "runs": ("Run",),
    "tf1": ("LoadReport", "WeightsError", "load_tf1_weights", "save_tf1_checkpoint"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    if name == "genotypes":
        return importlib.import_module(f"{__name__}.genotypes")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
