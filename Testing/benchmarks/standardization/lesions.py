"""Inserts for a CT: solids with partial volumes, and bone that is replaced by soft tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import Array, apply
from IXGSLib.simulation.solids import Capsule

LESION_HU = 40.0
"""Value inside a fracture or a lytic lesion: blood or tumour."""
SUBSAMPLES = 4
"""Points along each axis of a voxel at which its fraction inside a solid is sampled."""


class Solid(Protocol):
    """A solid: the centre and radius of its bounding sphere, and a test of which points (..., 3) LPS mm lie inside."""

    center: Array
    reach: float

    def holds(self, points: Array) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Ball:
    """A ball of radius `reach` mm: a lytic lesion."""

    center: Array
    reach: float

    def holds(self, points: Array) -> np.ndarray:
        return np.linalg.norm(points - self.center, axis=-1) <= self.reach


@dataclass(frozen=True, eq=False)
class Gap:
    """An upright plate: the gap of a fracture.

    normal: (2,) x and y of its horizontal normal. width, length, height: mm along normal, across it and along z.
    """

    center: Array
    normal: tuple[float, float]
    width: float
    length: float
    height: float

    @property
    def reach(self) -> float:
        return float(np.linalg.norm((self.width, self.length, self.height))) / 2

    def holds(self, points: Array) -> np.ndarray:
        x, y = np.array(self.normal) / np.linalg.norm(self.normal)
        offset = np.abs((points - self.center) @ np.array([[x, -y, 0], [y, x, 0], [0, 0, 1]]))
        return (offset <= np.array((self.width, self.length, self.height)) / 2).all(axis=-1)


@dataclass(frozen=True, eq=False)
class Rod:
    """A capsule of metal: a screw, a rod."""

    capsule: Capsule

    @property
    def center(self) -> Array:
        return (self.capsule.start + self.capsule.end) / 2

    @property
    def reach(self) -> float:
        return float(np.linalg.norm(self.capsule.end - self.capsule.start)) / 2 + self.capsule.radius

    def holds(self, points: Array) -> np.ndarray:
        axis = self.capsule.end - self.capsule.start
        offset = points - self.capsule.start
        along = np.clip(offset @ axis / max(float(axis @ axis), 1e-12), 0, 1)
        return np.linalg.norm(offset - along[..., None] * axis, axis=-1) <= self.capsule.radius


def share(solids: Sequence[Solid], grid: Grid) -> np.ndarray:
    """[k, j, i] float32: the fraction of each voxel of the grid that lies inside any of the solids."""
    whole = np.zeros(grid.shape, np.float32)
    for solid in solids:
        window = _window(solid, grid)
        if all(part.stop > part.start for part in window):
            whole[window] = np.maximum(whole[window], _share(solid, grid, window))
    return whole


def filled(hounsfield: np.ndarray, part: np.ndarray, value: float = LESION_HU) -> np.ndarray:
    """HU with this fraction of each voxel replaced by tissue of `value` HU where it was denser, as a new array."""
    return np.where(hounsfield > value, hounsfield + part * (value - hounsfield), hounsfield).astype(np.float32)


def _window(solid: Solid, grid: Grid) -> tuple[slice, slice, slice]:
    """The voxels [k, j, i] that a solid can touch."""
    middle = apply(np.linalg.inv(grid.world_from_index), solid.center)
    low = np.maximum(np.floor(middle - solid.reach / grid.spacing - 1), 0).astype(int)
    high = np.minimum(np.ceil(middle + solid.reach / grid.spacing + 2), grid.shape[::-1]).astype(int)
    i, j, k = (slice(int(a), int(max(a, b))) for a, b in zip(low, high, strict=True))
    return k, j, i


def _share(solid: Solid, grid: Grid, window: tuple[slice, slice, slice]) -> np.ndarray:
    steps = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
    axes = [np.arange(part.start, part.stop)[:, None] + steps for part in window]
    k, j, i = np.meshgrid(*(axis.ravel() for axis in axes), indexing="ij")
    inside = solid.holds(apply(grid.world_from_index, np.stack([i, j, k], axis=-1)))
    shape = [n for axis in axes for n in axis.shape]
    return inside.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)
