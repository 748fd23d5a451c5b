"""The scores of an evaluation as one HTML page that needs nothing else."""

from deeplab_dpc.evaluation.report.data import Report
from deeplab_dpc.evaluation.report.page import page

__all__ = ["Report", "page"]
