"""TF1 checkpoints: the original's names and our variables."""

from deeplab_dpc.tf1.weights import (
    LoadReport,
    WeightsError,
    load_tf1_weights,
    save_tf1_checkpoint,
    tf1_name,
    variables_by_tf1_name,
)

__all__ = [
    "LoadReport",
    "WeightsError",
    "load_tf1_weights",
    "save_tf1_checkpoint",
    "tf1_name",
    "variables_by_tf1_name",
]
