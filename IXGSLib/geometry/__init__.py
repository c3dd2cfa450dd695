"""Calibrated X-ray cameras, voxel lattices, C-arm trajectories and what the views cover."""

from .grid import Grid
from .view import View

__all__ = ["Grid", "View"]
