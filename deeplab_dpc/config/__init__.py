"""Frozen settings: what a model, its data, its training, evaluation and export are.

A field has the name of its flag; its default is the original DeepLab's unless its help
says otherwise. `programs/flags.py` makes the flags from the fields, so a setting is
written down once.
"""

from deeplab_dpc.config.data import AugmentConfig, DataConfig
from deeplab_dpc.config.evaluation import EvalConfig
from deeplab_dpc.config.export import MAX_MEGAPIXELS, ExportConfig
from deeplab_dpc.config.model import (
    BATCH_NORM_DECAY,
    MODEL_VARIANTS,
    OUTPUT_STRIDES,
    ModelConfig,
)
from deeplab_dpc.config.serving import ServeConfig
from deeplab_dpc.config.train import TrainConfig
from deeplab_dpc.settings import ConfigError

__all__ = [
    "BATCH_NORM_DECAY",
    "MAX_MEGAPIXELS",
    "MODEL_VARIANTS",
    "OUTPUT_STRIDES",
    "AugmentConfig",
    "ConfigError",
    "DataConfig",
    "EvalConfig",
    "ExportConfig",
    "ModelConfig",
    "ServeConfig",
    "TrainConfig",
]
