"""A small CT with bones in water, and settings small enough for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation import SimulationSettings

GRID = Grid((24, 60, 64), np.array([1.0, 1.1, 3.0]), np.array([-40.0, 30.0, 900.0]), np.eye(3))
CENTER = tuple(GRID.center)
OUTSIDE = (*GRID.center[:2], GRID.center[2] + 30)
"""The centre of a bone that lies above a region of 32 mm around CENTER."""
SETTINGS = SimulationSettings(
    size=32, spacing=2, views=6, test_views=3, arm=CArm(detector_pixels=(48, 48), detector_size=80), photons=None
)


def settings(**changes: Any) -> SimulationSettings:
    return replace(SETTINGS, **changes)


def ellipsoid(center: Any, radii: Any) -> np.ndarray:
    """Bool [k, j, i]: the voxels of GRID in an ellipsoid, LPS mm."""
    return (((GRID.points() - center) / radii) ** 2).sum(axis=-1) < 1


def blob(center: Any, sigma: float) -> np.ndarray:
    """A Gaussian of height one on GRID, LPS mm."""
    return np.exp(-0.5 * ((GRID.points() - center) ** 2).sum(axis=-1) / sigma**2)


def hounsfield() -> np.ndarray:
    """Air, an ellipsoid of water, a bone inside the region and one above it."""
    values = np.full(GRID.shape, -1000.0, np.float32)
    values[ellipsoid(CENTER, (28, 28, 34))] = 0
    values[ellipsoid(np.add(CENTER, (3, -2, 1)), (6, 8, 10))] = 900
    values[ellipsoid(OUTSIDE, (5, 5, 4))] = 900
    return values
