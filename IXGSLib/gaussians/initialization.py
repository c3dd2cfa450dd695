"""Initial clouds."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from ..errors import ReconstructionError
from ..geometry import Grid
from ..geometry.rigid import apply
from .cloud import Cloud

FLAT_WEIGHT = 0.2
"""Weight of attenuation beside that of its gradient when points are drawn."""
MIN_ATTENUATION_FRACTION = 0.02
"""Fraction of the largest attenuation below which a voxel starts without Gaussians."""
MIN_DENSITY_FRACTION = 1e-4
"""Smallest initial density as a fraction of the largest: a Gaussian without density has hardly any gradient."""
LATTICE_FRACTION = 0.2
"""Fraction of the largest attenuation above which a lattice point gets a Gaussian."""
SCALE_LIMITS = (0.3, 1.6)
"""Smallest and largest initial standard deviation, in voxels of the volume that is sampled."""


def random_cloud(grid: Grid, count: int, attenuation: float, overlap: float, generator: np.random.Generator) -> Cloud:
    """`count` equal Gaussians uniformly distributed in a box, with a mean attenuation in 1/mm.

    overlap: their standard deviation in units of the mean distance between neighbours.
    """
    local = generator.uniform(-0.5, 0.5, (count, 3)) * grid.size
    spacing = float(np.cbrt(np.prod(grid.size) / count))
    scale = np.full(count, overlap * spacing)
    mass = np.full(count, attenuation * spacing**3)
    return _isotropic(grid.center + local @ grid.direction.T, scale, mass, generator)


def sampled_cloud(values: np.ndarray, grid: Grid, count: int, overlap: float, generator: np.random.Generator) -> Cloud:
    """`count` Gaussians sampled from a coarse volume, densest where its attenuation changes.

    values: [k, j, i] >= 0 in 1/mm. Together the Gaussians have the volume's mass; each is as wide as `overlap` times
    the distance between its neighbours. Raises ReconstructionError for a volume of zeros.
    """
    _not_empty(values)
    steps = np.sqrt(sum(np.square(np.diff(values, axis=axis, append=0)) for axis in range(3)))
    weight = np.where(values < MIN_ATTENUATION_FRACTION * values.max(), 0, steps + FLAT_WEIGHT * values)
    chance = weight.ravel() / weight.sum(dtype=np.float64)
    # Sorted, so that the pixels and voxels of successive Gaussians are near each other in memory.
    chosen = np.sort(generator.choice(chance.size, count, p=chance / chance.sum()))
    index = np.stack(np.unravel_index(chosen, values.shape), axis=1)[:, ::-1] + generator.uniform(-0.5, 0.5, (count, 3))
    room = grid.voxel_volume / (count * chance[chosen])
    voxel = np.cbrt(grid.voxel_volume)
    scale = np.clip(overlap * np.cbrt(room), SCALE_LIMITS[0] * voxel, SCALE_LIMITS[1] * voxel)
    mass = map_coordinates(values, index.T[::-1], order=1, mode="nearest") * room
    mass *= values.sum(dtype=np.float64) * grid.voxel_volume / mass.sum()
    return _isotropic(apply(grid.world_from_index, index), scale, mass, generator)


def lattice_cloud(values: np.ndarray, grid: Grid, count: int, overlap: float, generator: np.random.Generator) -> Cloud:
    """About `count` Gaussians on a lattice where a smooth coarse volume is dense; random points would make it uneven.

    values: [k, j, i] >= 0 in 1/mm. Together the Gaussians have the volume's mass; each is as wide as `overlap` times
    the distance between neighbours. Raises ReconstructionError for a volume of zeros.
    """
    _not_empty(values)
    least = LATTICE_FRACTION * values.max()
    lattice = grid.with_spacing(float(np.cbrt((values > least).sum() * grid.voxel_volume / count)))
    points = lattice.points().reshape(-1, 3)
    index = apply(np.linalg.inv(grid.world_from_index), points)
    found = map_coordinates(values, index.T[::-1], order=1, mode="nearest").astype(np.float64)
    points, mass = points[found > least], found[found > least]
    mass *= values.sum(dtype=np.float64) * grid.voxel_volume / mass.sum()
    return _isotropic(points, np.full(len(points), overlap * lattice.spacing[0]), mass, generator)


def _not_empty(values: np.ndarray) -> None:
    if not values.max() > 0:
        raise ReconstructionError("the volume to draw Gaussians from is empty; check the line integrals and the region")


def _isotropic(position: np.ndarray, scale: np.ndarray, mass: np.ndarray, generator: np.random.Generator) -> Cloud:
    """Spherical Gaussians with random rotations; positions (N, 3), scales (N,) mm, masses (N,) mm^2."""
    density = mass / ((2 * np.pi) ** 1.5 * scale**3)
    density = np.maximum(density, MIN_DENSITY_FRACTION * density.max())
    rotation = generator.normal(size=(len(scale), 4))
    columns = (position, np.repeat(scale[:, None], 3, axis=1), rotation, density)
    return Cloud(*(torch.from_numpy(np.ascontiguousarray(c, dtype=np.float32)) for c in columns))
