"""Metrics against a known truth and the report of a reconstruction."""

from .metrics import compare_views, compare_volumes
from .report import Report, write_report

__all__ = ["Report", "compare_views", "compare_volumes", "write_report"]
