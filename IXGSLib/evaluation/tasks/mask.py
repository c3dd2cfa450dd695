"""One vertebra of a label mask as an occupancy that can be sampled anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...errors import GeometryError
from ...geometry import Grid
from ...geometry.rigid import Array, apply

MIN_VOXELS = 30
"""Voxels below which a label is a sliver at the border of the image and no vertebra."""


@dataclass(frozen=True, eq=False)
class Mask:
    """The voxels of one vertebra.

    inside: bool [k, j, i]. grid: its lattice, LPS mm.
    name: for messages.
    """

    inside: np.ndarray
    grid: Grid
    name: str

    @classmethod
    def of(cls, labels: np.ndarray, grid: Grid, label: int, name: str) -> Mask:
        """The voxels of `label`, cropped, with cavities filled.

        labels: whole numbers [k, j, i] on the grid. Of several pieces the largest counts.
        Raises GeometryError for a label that has too few voxels or touches the border of the image.
        """
        inside = labels == label
        pieces, count = ndimage.label(inside)
        if count > 1:
            inside = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
        if int(inside.sum()) < MIN_VOXELS:
            raise GeometryError(
                f"{name}: label {label} has {int(inside.sum())} connected voxels, expected a whole vertebra; "
                "leave it out"
            )
        box = ndimage.find_objects(inside.astype(np.uint8))[0]
        if any(part.start == 0 or part.stop == size for part, size in zip(box, inside.shape, strict=True)):
            raise GeometryError(
                f"{name}: label {label} touches the border of the image, expected a whole vertebra; leave it out"
            )
        first = np.array([part.start for part in box[::-1]]) - 1
        cropped = ndimage.binary_fill_holes(np.pad(inside[box], 1))
        origin = apply(grid.world_from_index, first.astype(np.float64))
        return cls(cropped, Grid(cropped.shape, grid.spacing, origin, grid.direction), name)

    @classmethod
    def any_of(cls, labels: np.ndarray, grid: Grid) -> Mask:
        """All labels as one mask."""
        return cls(labels != 0, grid, "all labels")

    def points(self) -> Array:
        """(n, 3) LPS mm: the centres of the voxels inside."""
        return apply(self.grid.world_from_index, np.argwhere(self.inside)[:, ::-1].astype(np.float64))

    def occupancy(self, points: Array) -> np.ndarray:
        """Trilinearly interpolated occupancy, 0 to 1, at points (..., 3) LPS mm; the surface is at 0.5."""
        return sampled(self.inside.astype(np.float32), self.grid, points)

    def deepest_point(self) -> tuple[Array, float]:
        """The centre (3,) LPS mm of the largest ball inside and its radius in mm.

        The centre is the mean of the voxels whose depth is at least nine tenths of the largest, less the noise of one.
        """
        depth = ndimage.distance_transform_edt(self.inside, sampling=self.grid.spacing[::-1])
        index = np.argwhere(depth >= 0.9 * depth.max())[:, ::-1].astype(np.float64)
        return apply(self.grid.world_from_index, index.mean(axis=0)), float(depth.max())


def sampled(values: np.ndarray, grid: Grid, points: Array) -> np.ndarray:
    """Values [k, j, i] on a grid, trilinearly interpolated at points (..., 3) LPS mm; 0 outside."""
    index = (np.asarray(points, dtype=np.float64) - grid.origin) @ grid.direction / grid.spacing
    flat = index.reshape(-1, 3).T[::-1]
    found = ndimage.map_coordinates(values, flat, order=1, mode="constant", cval=0.0, prefilter=False)
    return found.reshape(index.shape[:-1])
