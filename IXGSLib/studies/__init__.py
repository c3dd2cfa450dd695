"""Studies: plans of many runs, on processes or a cluster, their tables and pages, and studies with readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .execution import run_study
    from .plan import Plan
    from .plan_files import read_plan

__all__ = ["Plan", "read_plan", "run_study"]

__getattr__ = lazy_exports(__name__, {"Plan": ".plan", "read_plan": ".plan_files", "run_study": ".execution"})
