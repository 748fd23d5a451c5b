"""The scores of an evaluation as one HTML page that needs nothing else."""

from deeplab_dpc.reports.evaluation.extremes import Extremes
from deeplab_dpc.reports.evaluation.page import page
from deeplab_dpc.reports.evaluation.report import Report, collected

__all__ = ["Extremes", "Report", "collected", "page"]
