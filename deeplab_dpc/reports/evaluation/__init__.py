"""The scores of an evaluation as one HTML page that needs nothing else."""

from deeplab_dpc.reports.evaluation.data import Report
from deeplab_dpc.reports.evaluation.page import page

__all__ = ["Report", "page"]
