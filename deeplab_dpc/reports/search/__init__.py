"""A search as one HTML page that needs nothing else, with its plots as files."""

from deeplab_dpc.reports.search.report import ReportError, write_report

__all__ = ["ReportError", "write_report"]
