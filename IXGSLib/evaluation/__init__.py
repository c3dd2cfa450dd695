"""Metrics against the ground truth, and the report of a reconstruction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .metrics import compare_views, compare_volumes
    from .report import Report, write_report

__all__ = ["Report", "compare_views", "compare_volumes", "write_report"]

# A command that prints its help needs neither torch nor matplotlib.
__getattr__ = lazy_exports(
    __name__,
    {
        "Report": ".report",
        "compare_views": ".metrics",
        "compare_volumes": ".metrics",
        "write_report": ".report",
    },
)
