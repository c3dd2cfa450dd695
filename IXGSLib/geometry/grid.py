"""A voxel lattice in the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError
from .rigid import Array, apply, constant, counts, proper_rotation


@dataclass(frozen=True, eq=False)
class Grid:
    """A voxel lattice in LPS mm; arrays on it are indexed [k, j, i] with i fastest, like SimpleITK's.

    shape: (nk, nj, ni) voxels.
    spacing: (3,) mm along i, j, k.
    origin: (3,) centre of voxel [0, 0, 0].
    direction: (3, 3), its columns the unit directions of i, j, k in the world.
    Raises GeometryError for values that do not describe a lattice.
    """

    shape: tuple[int, int, int]
    spacing: Array
    origin: Array
    direction: Array

    def __post_init__(self) -> None:
        spacing = constant(self.spacing, (3,), "grid spacing")
        if spacing.min() <= 0:
            raise GeometryError(f"grid spacing is {spacing.tolist()}, expected three positive lengths in mm")
        object.__setattr__(self, "shape", counts(self.shape, 3, "grid shape"))
        object.__setattr__(self, "spacing", spacing)
        object.__setattr__(self, "origin", constant(self.origin, (3,), "grid origin"))
        object.__setattr__(self, "direction", proper_rotation(self.direction, "grid direction"))

    @classmethod
    def centered(cls, center: ArrayLike, size: ArrayLike, spacing: float, direction: ArrayLike | None = None) -> Grid:
        """The lattice of cubic voxels that fills a box of `size` (3,) mm along its axes around `center` (3,).

        The voxels are whole, so that either side of the box moves by at most half a voxel.
        """
        center = constant(center, (3,), "volume centre")
        size = constant(size, (3,), "volume size")
        spacing = float(spacing)
        if not np.isfinite(spacing) or spacing <= 0:
            raise GeometryError(f"volume spacing is {spacing}, expected a positive length in mm")
        if size.min() <= 0:
            raise GeometryError(f"volume size is {size.tolist()}, expected three positive lengths in mm")
        direction = proper_rotation(np.eye(3) if direction is None else direction, "grid direction")
        voxels = np.maximum(1, np.rint(size / spacing))
        origin = center - direction @ ((voxels - 1) / 2 * spacing)
        return cls(_shape(voxels), np.full(3, spacing), origin, direction)

    @property
    def world_from_index(self) -> Array:
        """(4, 4): LPS mm from voxel indices (i, j, k)."""
        transform = np.eye(4)
        transform[:3, :3] = self.direction * self.spacing
        transform[:3, 3] = self.origin
        return transform

    @property
    def size(self) -> Array:
        """(3,) mm along i, j, k, from voxel edge to voxel edge."""
        return self.spacing * self.shape[::-1]

    @property
    def center(self) -> Array:
        """(3,) LPS mm."""
        return apply(self.world_from_index, (np.array(self.shape[::-1]) - 1) / 2)

    @property
    def voxel_volume(self) -> float:
        """mm^3."""
        return float(np.prod(self.spacing))

    def corners(self) -> Array:
        """(8, 3) outer corners of the box, LPS mm."""
        signs = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        return self.center + (signs * self.size) @ self.direction.T

    def points(self) -> Array:
        """(nk, nj, ni, 3) voxel centres, LPS mm."""
        k, j, i = np.meshgrid(*(np.arange(n) for n in self.shape), indexing="ij")
        return apply(self.world_from_index, np.stack([i, j, k], axis=-1))

    def contains(self, points: ArrayLike) -> np.ndarray:
        """Which points (..., 3) lie in the box: bool (...)."""
        local = (np.asarray(points, dtype=np.float64) - self.center) @ self.direction
        return np.all(np.abs(local) <= self.size / 2, axis=-1)

    def with_spacing(self, spacing: float) -> Grid:
        """The same box with cubic voxels of `spacing` mm."""
        return Grid.centered(self.center, self.size, spacing, self.direction)

    def padded(self, margin: float) -> Grid:
        """The lattice extended by at least `margin` mm on every side, with its voxels in the same places."""
        extra = np.ceil(margin / self.spacing - 1e-9)  # so that rounding does not add a voxel to a whole number of them
        origin = apply(self.world_from_index, -extra)
        return Grid(_shape(self.shape[::-1] + 2 * extra), self.spacing, origin, self.direction)


def overlap(first: Grid, second: Grid) -> bool:
    """Whether two grids share space, up to a sixteenth of their longest sides."""
    return any(
        bool(other.contains(grid.with_spacing(float(grid.size.max()) / 16).points()).any())
        for grid, other in ((first, second), (second, first))
    )


def _shape(voxels: Array) -> tuple[int, int, int]:
    """(nk, nj, ni) of the numbers of voxels along i, j, k."""
    ni, nj, nk = counts(voxels, 3, "number of voxels")
    return nk, nj, ni
