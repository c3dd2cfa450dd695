"""Solid bone around a vertebra: how deep in it, or how far from it, a point is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...geometry import Grid
from ...geometry.rigid import Array
from ...volume import Volume
from .landmarks import Vertebra
from .mask import Mask, sampled

SPACING = 0.75
"""mm of the lattice on which distances are computed."""
WIDTH, BEHIND, ABOVE = 80.0, 25.0, 22.0
"""mm of the box: its width, and how far it reaches behind the canal, above and below the body's centre."""
IN_FRONT = 8.0
"""mm of the box in front of the body."""
BODY_WALL = 4.0
"""mm by which the canal may reach further forwards at its sides, beside the bulge of the body's posterior wall."""
CLOSING = 2.0
"""mm: half of the largest gap in the cortex that is closed."""
MIN_PIECE = 100.0
"""mm^3 below which a piece of bone is noise."""


@dataclass(frozen=True, eq=False)
class Solid:
    """The signed distance to the surface of bone on a lattice along the axes of a vertebra: positive inside, mm."""

    distance: np.ndarray
    grid: Grid

    def depth(self, points: Array) -> np.ndarray:
        """mm inside bone of points (..., 3) LPS mm, negative outside; far outside where the box ends."""
        index = (points - self.grid.origin) @ self.grid.direction / self.grid.spacing
        last = np.array(self.grid.shape[::-1]) - 1.0
        nearest = np.clip(index, 0, last)
        beyond = np.linalg.norm((index - nearest) * self.grid.spacing, axis=-1)
        clamped = self.grid.origin + (nearest * self.grid.spacing) @ self.grid.direction.T
        return sampled(self.distance, self.grid, clamped) - beyond


def solid_label(vertebra: Vertebra, mask: Mask) -> Solid:
    """The bone of a vertebra by its label."""
    grid = _box(vertebra)
    return _solid(mask.occupancy(grid.points()) >= 0.5, grid)


def solid_volume(vertebra: Vertebra, volume: Volume, threshold: float) -> Solid:
    """The bone around a vertebra by a threshold in 1/mm.

    Cancellous bone may lie below the threshold, and a thin cortex has gaps: gaps of up to twice CLOSING are closed, and
    what bone encloses counts as bone, as `_filled` finds it.
    """
    grid = _box(vertebra)
    bone = sampled(volume.values, volume.grid, grid.points()) > threshold
    bone = _filled(_closed(bone), vertebra, grid)
    pieces, _ = ndimage.label(bone)
    large = np.bincount(pieces.ravel()) * SPACING**3 >= MIN_PIECE
    large[0] = False
    return _solid(large[pieces], grid)


def _filled(bone: np.ndarray, vertebra: Vertebra, grid: Grid) -> np.ndarray:
    """Bone with what it encloses in front of the middle of the canal.

    In the body that is every place with bone on all four sides in a coronal, an axial or a sagittal section, for its
    wall may have gaps. Beside the canal only coronal sections count, and holes in them: they cut the pedicles apart
    from the canal, which stays open above and below.
    """
    posterior = grid.direction[:, 1]
    middle = int(np.clip((vertebra.canal - grid.origin) @ posterior / SPACING, 0, bone.shape[1]))
    front = int(np.clip(middle - (vertebra.canal_front + BODY_WALL) / SPACING, 0, middle))
    solid = bone.copy()
    up_down, front_back, sides = (_between(bone, axis) for axis in range(3))
    enclosed = (up_down & front_back) | (up_down & sides) | (front_back & sides)
    solid[:, :front] |= enclosed[:, :front]
    for row in range(front, middle):
        solid[:, row] = ndimage.binary_fill_holes(solid[:, row])
    return solid


def _between(bone: np.ndarray, axis: int) -> np.ndarray:
    """Which voxels have bone on both sides along an axis."""
    before = np.logical_or.accumulate(bone, axis=axis)
    after = np.flip(np.logical_or.accumulate(np.flip(bone, axis), axis=axis), axis)
    return before & after


def _closed(bone: np.ndarray) -> np.ndarray:
    """Bone with gaps closed: dilation by CLOSING and erosion by as much."""
    radius = CLOSING / SPACING
    near = ndimage.distance_transform_edt(~bone) <= radius if bone.any() else bone
    return bone | (ndimage.distance_transform_edt(np.pad(near, 1, mode="edge"))[1:-1, 1:-1, 1:-1] > radius)


def _box(vertebra: Vertebra) -> Grid:
    """A lattice along the axes, with i to the left, j backwards and k upwards."""
    front = (vertebra.front - vertebra.body) @ vertebra.axes[:, 1] - IN_FRONT
    back = (vertebra.canal - vertebra.body) @ vertebra.axes[:, 1] + BEHIND
    size = np.array([WIDTH, back - front, 2 * ABOVE])
    center = vertebra.body + vertebra.axes[:, 1] * (front + back) / 2
    return Grid.centered(center, size, SPACING, vertebra.axes)


def _solid(bone: np.ndarray, grid: Grid) -> Solid:
    """The distance to the surface, which lies half a voxel from the centres of the voxels beside it."""
    if not bone.any():
        return Solid(np.full(bone.shape, -float(np.max(grid.size)), dtype=np.float32), grid)
    inside = ndimage.distance_transform_edt(bone) - 0.5
    outside = ndimage.distance_transform_edt(~bone) - 0.5
    return Solid((np.where(bone, inside, -outside) * SPACING).astype(np.float32), grid)
