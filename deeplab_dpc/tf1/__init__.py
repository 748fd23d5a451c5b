"""TF1 checkpoints: the original's names and our variables."""

from deeplab_dpc.tf1.loading import LoadReport, WeightsError, load_tf1_weights
from deeplab_dpc.tf1.names import tf1_name, variables_by_tf1_name

__all__ = [
    "LoadReport",
    "WeightsError",
    "load_tf1_weights",
    "tf1_name",
    "variables_by_tf1_name",
]
