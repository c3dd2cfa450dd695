"""A vertebra of cylinders whose widths and angles are known, at any place, turn and voxel size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume

BONE = 0.04
"""Attenuation of the phantom, 1/mm; its surface is where half of it is crossed."""
BODY_RADIUS, CANAL_RADIUS, CANAL_CENTER = 24.0, 11.0, 33.0
"""mm; the middle of the canal lies behind that of the body."""
ISTHMUS = 6.0
"""mm in front of the middle of the canal at which the pedicles, like hourglasses, are narrowest."""

FLARE = 0.02
"""mm by which the radius of a pedicle grows, times the square of mm from the isthmus."""


@dataclass(frozen=True)
class Phantom:
    """The known sizes, in mm and degrees, in axes left, posterior and superior around the middle of the body.

    pedicle: smallest diameter of both pedicles. shift: mm by which both lie further out than beside the canal.
    convergence: degrees by which they converge forwards. superior, inferior: degrees by which the endplates are tilted
    so that the body is higher in front. level: mm from the middle of the body up to the pedicles.
    """

    pedicle: float = 9.0
    shift: float = 0.0
    convergence: float = 0.0
    superior: float = 0.0
    inferior: float = 0.0
    level: float = 4.0

    @property
    def canal_width(self) -> float:
        """Between the pedicles beside the middle of the canal, whatever their diameter, if they do not converge."""
        return 2 * (CANAL_RADIUS + self.shift - FLARE * ISTHMUS**2)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance in mm of points (..., 3) to the surface, negative inside."""
        x, y, z = np.moveaxis(points, -1, 0)
        top, bottom = np.radians(self.superior), np.radians(self.inferior)
        body = np.maximum.reduce(
            [
                np.hypot(x, y) - BODY_RADIUS,
                (z - 13) * np.cos(top) + y * np.sin(top),
                (-z - 13) * np.cos(bottom) + y * np.sin(bottom),
            ]
        )
        behind = y - CANAL_CENTER
        ring = np.hypot(x, behind)
        arch = np.maximum.reduce([CANAL_RADIUS - ring, ring - CANAL_RADIUS - 5, -behind, np.abs(z) - 11])
        process = np.maximum.reduce([np.abs(x) - 3, np.abs(behind - 25) - 12, np.abs(z + 4) - 7])
        across = np.maximum.reduce([np.hypot(behind - 2, z - self.level) - 4, np.abs(np.abs(x) - 26) - 12])
        return np.minimum.reduce([body, arch, process, across, self._pedicles(x, y, z)])

    def _pedicles(self, x, y, z):
        turn = np.radians(self.convergence)
        middle = CANAL_CENTER - ISTHMUS
        side = np.abs(x) - (CANAL_RADIUS + self.shift + self.pedicle / 2)
        sideways = side * np.cos(turn) - (y - middle) * np.sin(turn)
        along = side * np.sin(turn) + (y - middle) * np.cos(turn)
        return np.maximum(
            np.hypot(sideways, z - self.level) - self.pedicle / 2 - FLARE * along**2, np.abs(along + 3) - 12
        )


@dataclass(frozen=True, eq=False)
class Pose:
    """Where a phantom is: world_from_vertebra as a rotation (3, 3) and the middle of its body (3,) LPS mm."""

    rotation: np.ndarray
    center: np.ndarray

    @classmethod
    def random(cls, seed: int, angle: float = 50.0) -> Pose:
        rng = np.random.default_rng(seed)
        axis = rng.normal(size=3)
        return cls(
            Rotation.from_rotvec(np.radians(angle) * axis / np.linalg.norm(axis)).as_matrix(), rng.uniform(-99, 99, 3)
        )


UPRIGHT = Pose(np.eye(3), np.zeros(3))


def grid_around(pose: Pose, spacing: float, size: float = 120.0) -> Grid:
    """A lattice along the axes of the patient that holds the phantom and 10 mm around it."""
    center = pose.center + pose.rotation @ (0.0, 15.0, 0.0)
    return Grid.centered(center, (size, size, size), spacing)


def volume(phantom: Phantom, pose: Pose, grid: Grid) -> Volume:
    """The phantom as attenuation, its surface blurred by two voxels, so that interpolation finds it exactly."""
    points = (grid.points() - pose.center) @ pose.rotation
    width = 2 * float(grid.spacing.max())
    return Volume(BONE * np.clip(0.5 - phantom.distance(points) / width, 0, 1), grid)


def labels(phantom: Phantom, pose: Pose, grid: Grid, label: int = 20) -> tuple[np.ndarray, Grid]:
    """The voxels whose centre is in the phantom, as a label mask."""
    points = (grid.points() - pose.center) @ pose.rotation
    return np.where(phantom.distance(points) < 0, label, 0).astype(np.int16), grid
