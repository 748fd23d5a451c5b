"""The scores of an evaluation as one HTML page that needs nothing else."""

from deeplab_dpc.reports.evaluation.extremes import Extremes
from deeplab_dpc.reports.evaluation.page import Report, collected, page, write_scores

__all__ = ["Extremes", "Report", "collected", "page", "write_scores"]
