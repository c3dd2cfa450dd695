"""A cloud's line integrals in a view and its attenuation on a grid, both differentiable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .backends import project, voxelize

__all__ = ["project", "voxelize"]

# Volumes are projected without torch, which takes a second to import.
__getattr__ = lazy_exports(__name__, {"project": ".backends", "voxelize": ".backends"})
