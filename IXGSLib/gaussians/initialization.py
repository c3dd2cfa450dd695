"""Where the Gaussians start."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from ..errors import ReconstructionError
from ..geometry import Grid
from ..geometry.rigid import apply
from .cloud import Cloud

FLAT_SHARE = 0.2
"""How much attenuation itself attracts points beside its gradient."""
FAINTEST_SHARE = 0.02
"""Voxels below this share of the largest attenuation start without Gaussians."""
FAINTEST_START = 1e-4
"""Smallest density at the start as a share of the largest: a Gaussian without any would hardly learn."""
FILLED_SHARE = 0.2
"""Share of the largest attenuation above which a place gets one of the Gaussians of a lattice."""
SCALE_RANGE = (0.3, 1.6)
"""Smallest and largest standard deviation at the start, in voxels of the volume that is sampled."""


def random_cloud(grid: Grid, count: int, attenuation: float, overlap: float, generator: np.random.Generator) -> Cloud:
    """`count` equal Gaussians spread evenly over a box, with a mean attenuation in 1/mm.

    overlap: their standard deviation in units of the mean distance between neighbours.
    """
    local = generator.uniform(-0.5, 0.5, (count, 3)) * grid.size
    spacing = float(np.cbrt(np.prod(grid.size) / count))
    scale = np.full(count, overlap * spacing)
    mass = np.full(count, attenuation * spacing**3)
    return _isotropic(grid.center + local @ grid.direction.T, scale, mass, generator)


def sampled_cloud(values: np.ndarray, grid: Grid, count: int, overlap: float, generator: np.random.Generator) -> Cloud:
    """`count` Gaussians drawn from a coarse volume, densest where its attenuation changes.

    values: [k, j, i] >= 0 in 1/mm. Together the Gaussians hold the volume's mass; each is as wide as `overlap` times
    the distance between its neighbours. Raises ReconstructionError for a volume of zeros.
    """
    _not_empty(values)
    steps = np.sqrt(sum(np.square(np.diff(values, axis=axis, append=0)) for axis in range(3)))
    weight = np.where(values < FAINTEST_SHARE * values.max(), 0, steps + FLAT_SHARE * values)
    chance = weight.ravel() / weight.sum(dtype=np.float64)
    # In order: the kernels then find the pixels and voxels of one Gaussian near those of the one before.
    chosen = np.sort(generator.choice(chance.size, count, p=chance / chance.sum()))
    index = np.stack(np.unravel_index(chosen, values.shape), axis=1)[:, ::-1] + generator.uniform(-0.5, 0.5, (count, 3))
    room = grid.voxel_volume / (count * chance[chosen])
    voxel = np.cbrt(grid.voxel_volume)
    scale = np.clip(overlap * np.cbrt(room), SCALE_RANGE[0] * voxel, SCALE_RANGE[1] * voxel)
    mass = map_coordinates(values, index.T[::-1], order=1, mode="nearest") * room
    mass *= values.sum(dtype=np.float64) * grid.voxel_volume / mass.sum()
    return _isotropic(apply(grid.world_from_index, index), scale, mass, generator)


def lattice_cloud(values: np.ndarray, grid: Grid, count: int, overlap: float, generator: np.random.Generator) -> Cloud:
    """About `count` Gaussians on a lattice over what a smooth coarse volume holds; random places would make it clumpy.

    values: [k, j, i] >= 0 in 1/mm. Together the Gaussians hold the volume's mass; each is as wide as `overlap` times
    the distance between neighbours. Raises ReconstructionError for a volume of zeros.
    """
    _not_empty(values)
    least = FILLED_SHARE * values.max()
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
    """Round Gaussians; positions (N, 3), scales (N,) mm, masses (N,) mm^2; their idle rotations are random."""
    density = mass / ((2 * np.pi) ** 1.5 * scale**3)
    density = np.maximum(density, FAINTEST_START * density.max())
    rotation = generator.normal(size=(len(scale), 4))
    columns = (position, np.repeat(scale[:, None], 3, axis=1), rotation, density)
    return Cloud(*(torch.from_numpy(np.ascontiguousarray(c, dtype=np.float32)) for c in columns))
