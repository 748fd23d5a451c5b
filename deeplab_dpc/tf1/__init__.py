"""TF1 checkpoints: the original's names and our variables."""

from deeplab_dpc.tf1.loading import LoadReport, WeightsError, load_tf1_weights
from deeplab_dpc.tf1.names import tf1_name, variables_by_tf1_name
from deeplab_dpc.tf1.writing import save_tf1_checkpoint

__all__ = [
    "LoadReport",
    "WeightsError",
    "load_tf1_weights",
    "save_tf1_checkpoint",
    "tf1_name",
    "variables_by_tf1_name",
]
