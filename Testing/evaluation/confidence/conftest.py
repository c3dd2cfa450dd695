"""A ball of bone that C-arm views show exactly."""

from __future__ import annotations

import numpy as np
import pytest

from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay

GRID = Grid.centered((10.0, -20.0, 300.0), (48.0, 40.0, 32.0), 2.0)
ARM = CArm(detector_pixels=(60, 60), detector_size=120.0)


@pytest.fixture(scope="session")
def ball() -> Volume:
    distance = np.linalg.norm(GRID.points() - GRID.center, axis=-1)
    return Volume(0.03 * np.clip(10 - distance, 0, 1), GRID)


@pytest.fixture(scope="session")
def case(ball) -> Case:
    """Twelve views over 180 degrees."""
    views = [ARM.view(15.0 * n - 90, 10.0 * (n % 3 - 1), GRID.center, f"v{n}") for n in range(12)]
    return Case(tuple(XRay(v, project_volume(ball.values, GRID, v), np.ones((60, 60), bool)) for v in views), GRID)


@pytest.fixture(scope="session")
def renders(case) -> list[np.ndarray]:
    return [xray.image for xray in case.xrays]
