"""Dense prediction cells for semantic image segmentation, on TensorFlow and Keras 3.

Chen et al., "Searching for Efficient Multi-Scale Architectures for Dense Image
Prediction", NeurIPS 2018, arXiv:1809.04184.
"""

from deeplab_dpc import genotypes
from deeplab_dpc.config import ConfigError, ModelConfig
from deeplab_dpc.genotypes import Branch, Genotype, GenotypeError
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1 import (
    LoadReport,
    WeightsError,
    load_tf1_weights,
    save_tf1_checkpoint,
)

__all__ = [
    "Branch",
    "ConfigError",
    "Genotype",
    "GenotypeError",
    "LoadReport",
    "ModelConfig",
    "WeightsError",
    "build_model",
    "genotypes",
    "load_tf1_weights",
    "save_tf1_checkpoint",
]
