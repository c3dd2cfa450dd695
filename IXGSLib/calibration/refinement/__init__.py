"""Poses from the X-rays themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazy_exports
from .settings import RefinementSettings

if TYPE_CHECKING:
    from .refinement import Refinement, ViewPose, refine

__all__ = ["Refinement", "RefinementSettings", "ViewPose", "refine"]

# The kernels load numba, which the settings do without.
__getattr__ = lazy_exports(__name__, {"Refinement": ".refinement", "ViewPose": ".refinement", "refine": ".refinement"})
