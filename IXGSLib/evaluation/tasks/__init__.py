"""Task metrics: what surgeons measure and plan in a volume, compared with the truth."""

from .comparison import TaskMetrics, compare_tasks
from .settings import TaskSettings

__all__ = ["TaskMetrics", "TaskSettings", "compare_tasks"]
