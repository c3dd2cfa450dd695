"""Task metrics: what surgeons measure and plan in a volume, compared with the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazy_exports

if TYPE_CHECKING:
    from .comparison import TaskMetrics, compare_tasks
    from .settings import TaskSettings

__all__ = ["TaskMetrics", "TaskSettings", "compare_tasks"]

# A command that prints its help does not need scipy.
__getattr__ = lazy_exports(
    __name__, {"TaskMetrics": ".comparison", "TaskSettings": ".settings", "compare_tasks": ".comparison"}
)
