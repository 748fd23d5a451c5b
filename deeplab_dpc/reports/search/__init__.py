"""A search as one HTML page that needs nothing else, with its plots as files."""

from deeplab_dpc.reports.search.report import write_report

__all__ = ["write_report"]
