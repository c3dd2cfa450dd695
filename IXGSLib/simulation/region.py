"""The region of a CT, sampled more finely than the CT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..geometry import Grid
from ..geometry.rigid import apply
from ..volume import Volume
from ..volume.resampling import resample

MAX_SLAB_VOXELS = 2**26
"""Fine voxels that are held in memory at once: 256 MiB."""


def slabs(body: Volume, region: Grid) -> Iterator[tuple[slice, Volume]]:
    """The region in slabs along k: the slice of its layers, and their attenuation on a fine lattice.

    A voxel of the region holds a whole number of fine voxels along each axis. Their spacing is at most half of the
    body's, so that trilinear sampling conserves mass. The slabs together are one lattice, so line integrals add up.
    """
    spacing = float(region.spacing[0])
    factor = max(2, int(np.ceil(2 * spacing / body.grid.spacing.min())))
    nk, nj, ni = region.shape
    layers = max(1, MAX_SLAB_VOXELS // (nj * ni * factor**3))
    for start in range(0, nk, layers):
        count = min(layers, nk - start)
        origin = apply(region.world_from_index, (0, 0, start))
        slab = replace(region, shape=(count, nj, ni), origin=origin)
        yield slice(start, start + count), resample(body, slab.with_spacing(spacing / factor))


def means(fine: Volume, shape: tuple[int, int, int]) -> np.ndarray:
    """The means of fine voxels over the larger voxels of a lattice of `shape` (nk, nj, ni) over the same box."""
    nk, nj, ni = shape
    factor = fine.grid.shape[0] // nk
    return fine.values.reshape(nk, factor, nj, factor, ni, factor).mean(axis=(1, 3, 5))
