"""Fractures and lytic lesions: solids in which bone is replaced by blood or tumour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from scipy.spatial import cKDTree

from ..geometry import Grid
from ..geometry.rigid import Array, apply
from ..volume.bone import ENHANCED_THRESHOLD, WATER
from .body import Body

LESION_HU = 40.0
"""Value inside a fracture or a lytic lesion: blood or tumour."""
SUBSAMPLES = 4
"""Points along each axis of a voxel at which its fraction inside a solid is sampled."""
COUNTS = (2, 5)
"""Smallest and largest number of lesions of a patient."""
FRACTURE_PROBABILITY = 0.55
"""Probability that a lesion is a fracture."""
SPINE_PROBABILITY, SPINE_DISTANCE_MM = 0.75, 45.0
"""Probability that a lesion lies near the spine, and how near."""
WIDTHS_MM, LENGTHS_MM, HEIGHTS_MM = (1.0, 4.0), (15.0, 45.0), (12.0, 40.0)
"""Ranges of the sizes of a fracture's gap."""
RADII_MM, LOG_AXIS_DEVIATION = (4.0, 11.0), 0.2
"""Range of the radius of a lytic lesion, and standard deviation of the logarithm of its semi-axes over the radius."""


class Solid(Protocol):
    """A solid: the centre and radius of its bounding sphere, and how points (..., 3) LPS mm lie to it.

    holds: which points lie inside. clearance: mm outside it, negative inside; the surface is at least as far away.
    """

    @property
    def center(self) -> Array: ...

    @property
    def reach(self) -> float: ...

    def holds(self, points: Array) -> np.ndarray: ...
    def clearance(self, points: Array) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """An ellipsoid with semi-axes (3,) in mm along the patient's axes: a lytic lesion."""

    center: Array
    axes: Array

    @property
    def reach(self) -> float:
        return float(np.max(self.axes))

    def holds(self, points: Array) -> np.ndarray:
        return np.linalg.norm((points - self.center) / self.axes, axis=-1) <= 1

    def clearance(self, points: Array) -> np.ndarray:
        return (np.linalg.norm((points - self.center) / self.axes, axis=-1) - 1) * np.min(self.axes)


@dataclass(frozen=True, eq=False)
class Plate:
    """A plate: the gap of a fracture.

    frame: (3, 3) rows are unit vectors along its width, length and height. size: (3,) mm along them.
    """

    center: Array
    frame: Array
    size: Array

    @property
    def reach(self) -> float:
        return float(np.linalg.norm(self.size)) / 2

    def holds(self, points: Array) -> np.ndarray:
        return (np.abs((points - self.center) @ self.frame.T) <= np.asarray(self.size) / 2).all(axis=-1)

    def clearance(self, points: Array) -> np.ndarray:
        return (np.abs((points - self.center) @ self.frame.T) - np.asarray(self.size) / 2).max(axis=-1)


def upright_plate(center: Array, normal: tuple[float, float], size: Array) -> Plate:
    """A plate with a horizontal normal, given by its x and y; size: (3,) mm along it, across it and along z."""
    x, y = np.array(normal) / np.linalg.norm(normal)
    return Plate(center, np.array([[x, y, 0], [-y, x, 0], [0, 0, 1.0]]), size)


def described(solid: Solid) -> dict[str, Any]:
    """The kind and the numbers of a solid, LPS mm, as JSON."""
    numbers = {name: np.asarray(value).tolist() for name, value in vars(solid).items()}
    return {"kind": type(solid).__name__.lower(), **numbers}


def draw_lesions(
    generator: np.random.Generator, patient: Body, center: Array, side: float, along: Array
) -> list[Solid]:
    """Fractures and lytic lesions in the bone of a box of `side` mm around a centre (3,), mostly near the spine.

    along: (points, 3) LPS mm on the spine. The list is empty where the box holds no bone.
    """
    bone = _bone_points(patient, center, side)
    if not len(bone):
        return []
    spinal = bone[cKDTree(along).query(bone)[0] < SPINE_DISTANCE_MM]
    found: list[Solid] = []
    for _ in range(int(generator.integers(COUNTS[0], COUNTS[1] + 1))):
        places = spinal if len(spinal) and generator.random() < SPINE_PROBABILITY else bone
        place = places[int(generator.integers(len(places)))]
        draw = _fracture if generator.random() < FRACTURE_PROBABILITY else _lytic
        found.append(draw(generator, place))
    return found


def with_lesions(patient: Body, solids: Sequence[Solid]) -> Body:
    """A patient in whom what is denser than blood or tumour is replaced by it inside solids."""
    window = _around(solids, patient.grid)
    values = np.array(patient.values)
    values[window] += _changes(patient, solids, window)
    return replace(patient, values=values)


def changes(patient: Body, solids: Sequence[Solid]) -> Body:
    """What `with_lesions` adds to the values of a patient, on the part of the grid around the solids.

    Its line integrals are what the lesions add to those of the patient, up to rounding.
    """
    window = _around(solids, patient.grid)
    return replace(patient, values=_changes(patient, solids, window), grid=_part(patient.grid, window))


def _changes(patient: Body, solids: Sequence[Solid], window: tuple[slice, ...]) -> np.ndarray:
    """[k, j, i, 4] float32: what lesions add to the values of the voxels in a window."""
    soft = WATER * (1 + LESION_HU / 1000)
    inner = patient.values[window]
    denser = share(solids, _part(patient.grid, window)) * (inner[..., 0] + inner[..., 1] > soft)
    parts = denser * (soft - inner[..., 0]), -denser * inner[..., 1], np.zeros_like(denser), -denser * inner[..., 3]
    return np.stack(parts, axis=-1).astype(np.float32)


def share(solids: Sequence[Solid], grid: Grid) -> np.ndarray:
    """[k, j, i] float32: the fraction of each voxel of the grid that lies inside any of the solids."""
    whole = np.zeros(grid.shape, np.float32)
    for solid in solids:
        window = _window(solid.center, solid.reach, grid)
        if all(part.stop > part.start for part in window):
            whole[window] = np.maximum(whole[window], _share(solid, grid, window))
    return whole


def _around(solids: Sequence[Solid], grid: Grid) -> tuple[slice, ...]:
    """The smallest window [k, j, i], of at least one voxel, that holds all voxels which solids can touch."""
    windows = [_window(solid.center, solid.reach, grid) for solid in solids]
    met = [window for window in windows if all(part.stop > part.start for part in window)]
    if not met:
        return (slice(0, 1),) * 3
    return tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in zip(*met, strict=True))


def _part(grid: Grid, window: tuple[slice, ...]) -> Grid:
    """The voxels of a window [k, j, i] as a grid of their own."""
    corner = [float(side.start) for side in reversed(window)]
    nk, nj, ni = (side.stop - side.start for side in window)
    return Grid((nk, nj, ni), grid.spacing, apply(grid.world_from_index, corner), grid.direction)


def _bone_points(patient: Body, center: Array, side: float) -> np.ndarray:
    """(points, 3) LPS mm of the voxels of enhanced bone in a box."""
    window = _window(center, np.sqrt(3) / 2 * side, patient.grid)
    found = np.argwhere(patient.values[window][..., 3] > ENHANCED_THRESHOLD) + [part.start for part in window]
    points = apply(patient.grid.world_from_index, found[:, ::-1].astype(float))
    return points[(np.abs(points - center) < side / 2).all(axis=1)]


def _fracture(generator: np.random.Generator, place: Array) -> Plate:
    frame, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    return Plate(place, frame, np.array([generator.uniform(*ends) for ends in (WIDTHS_MM, LENGTHS_MM, HEIGHTS_MM)]))


def _lytic(generator: np.random.Generator, place: Array) -> Ellipsoid:
    return Ellipsoid(place, generator.uniform(*RADII_MM) * np.exp(generator.normal(0, LOG_AXIS_DEVIATION, 3)))


def _window(center: Array, reach: float, grid: Grid) -> tuple[slice, slice, slice]:
    """The voxels [k, j, i] that a ball can touch."""
    middle = apply(np.linalg.inv(grid.world_from_index), center)
    low = np.maximum(np.floor(middle - reach / grid.spacing - 1), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach / grid.spacing + 2), grid.shape[::-1]).astype(int)
    i, j, k = (slice(int(a), int(max(a, b))) for a, b in zip(low, high, strict=True))
    return k, j, i


def _share(solid: Solid, grid: Grid, window: tuple[slice, slice, slice]) -> np.ndarray:
    """The fraction of each voxel of a window inside a solid; only voxels that its surface may cross are sampled."""
    k, j, i = np.meshgrid(*(np.arange(part.start, part.stop) for part in window), indexing="ij")
    indices = np.stack([i, j, k], axis=-1).astype(float)
    clearance = solid.clearance(apply(grid.world_from_index, indices))
    found = (clearance < 0).astype(np.float32)
    crossed = np.abs(clearance) <= np.linalg.norm(grid.spacing) / 2
    steps = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = solid.holds(apply(grid.world_from_index, indices[crossed][:, None] + offsets))
    found[crossed] = inside.mean(axis=1, dtype=np.float32)
    return found
