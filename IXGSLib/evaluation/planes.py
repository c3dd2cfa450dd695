"""The planes and directions in which anatomy is shown, and slices of volumes in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..geometry import Grid
from ..geometry.rigid import Array
from ..volume import Volume
from ..volume.bone import bone_threshold
from ..volume.resampling import resample

MAX_SLICE_PIXELS = 400
"""Largest number of pixels along the longer side of a slice; finer voxels are not shown individually."""


@dataclass(frozen=True)
class Plane:
    """The orientation of a picture: the world directions (LPS unit vectors) to its right and downwards."""

    name: str
    right: tuple[int, int, int]
    down: tuple[int, int, int]

    @property
    def direction(self) -> Array:
        """(3, 3) proper rotation: columns right, down and into the picture."""
        return np.stack([self.right, self.down, np.cross(self.right, self.down)], axis=1).astype(np.float64)


AXIAL = Plane("Axial", (1, 0, 0), (0, 1, 0))
CORONAL = Plane("Coronal", (1, 0, 0), (0, 0, -1))
SAGITTAL = Plane("Sagittal", (0, 1, 0), (0, 0, -1))
SLICES = (AXIAL, CORONAL, SAGITTAL)
"""In the radiological convention: seen from the feet, from the front and from the patient's left."""

VIEWING_DIRECTIONS = (
    Plane("From the front", (1, 0, 0), (0, 0, -1)),
    Plane("From the left", (0, 1, 0), (0, 0, -1)),
    Plane("From behind", (-1, 0, 0), (0, 0, -1)),
)
"""The sides from which the bone is shown."""


def letters(direction: ArrayLike) -> str:
    """The side of the patient that a world direction points to: one letter of LRPASI, two for an oblique direction."""
    vector = np.asarray(direction, dtype=np.float64)
    vector = vector / np.linalg.norm(vector)
    order = np.argsort(-np.abs(vector))[:2]
    return "".join("LPS"[n] if vector[n] > 0 else "RAI"[n] for n in order if abs(vector[n]) > 0.35)


def edge_letters(right: ArrayLike, down: ArrayLike) -> tuple[str, str, str, str]:
    """The letters at the left, right, top and bottom edge of a picture."""
    right, down = np.asarray(right), np.asarray(down)
    return letters(-right), letters(right), letters(-down), letters(down)


def focus(volume: Volume) -> Array:
    """(3,) LPS mm: the median position of the bone, where slices show most of it; the centre where there is none."""
    weight = np.clip(volume.values - bone_threshold(volume), 0, None)
    if not weight.any():
        return volume.grid.center
    index = []
    for axis in (2, 1, 0):
        profile = np.cumsum(weight.sum(axis=tuple(a for a in range(3) if a != axis), dtype=np.float64))
        index.append(float(np.searchsorted(profile, profile[-1] / 2)))
    return volume.grid.origin + volume.grid.direction @ (volume.grid.spacing * index)


def facing(grid: Grid, plane: Plane, spacing: ArrayLike) -> Grid:
    """The grid with voxels of `spacing` (3,) mm along right, down and into the picture that contains all of `grid`."""
    direction, spacing = plane.direction, np.asarray(spacing, dtype=np.float64)
    local = grid.corners() @ direction
    low, high = local.min(axis=0), local.max(axis=0)
    counts = np.maximum(1, np.rint((high - low) / spacing)).astype(int)
    origin = direction @ ((low + high) / 2 - (counts - 1) / 2 * spacing)
    return Grid((int(counts[2]), int(counts[1]), int(counts[0])), spacing, origin, direction)


def slice_grid(grid: Grid, plane: Plane, point: Array, spacing: float | None = None) -> Grid:
    """The grid of one slice (1, h, w) through a point, with square pixels.

    spacing: side of a pixel, mm; by default the smallest side of a voxel.
    """
    if spacing is None:
        spacing = max(float(grid.spacing.min()), float(grid.size.max()) / MAX_SLICE_PIXELS)
    whole = facing(grid, plane, (spacing, spacing, spacing))
    into = plane.direction[:, 2]
    origin = whole.origin + into * float(into @ (point - whole.origin))
    return Grid((1, *whole.shape[1:]), whole.spacing, origin, whole.direction)


def cut(volume: Volume, grid: Grid) -> np.ndarray:
    """(h, w) values of a volume on the grid of a slice."""
    return resample(volume, grid).values[0]
