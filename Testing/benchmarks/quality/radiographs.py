"""X-rays of a CT by RTK's projector, and the truth that they show: IXGS's own projectors are not involved.

The object is the CT sampled on a lattice of at most half its own voxels, and the truth its mean over each voxel of the
region, so that the voxels of no method are the object ("inverse crime": J. Kaipio and E. Somersalo, J. Comput. Appl.
Math. 2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from IXGSLib.geometry import Grid, View
from IXGSLib.simulation.region import means, slabs
from IXGSLib.volume import Volume
from IXGSLib.volume.resampling import resample
from Testing.benchmarks.quality.projector import Projector


def truth_and_object(body: Volume, region: Grid, whole: bool) -> tuple[Volume, Volume]:
    """The means over a region's voxels, and the fine lattice to project: of the region, or of the whole body."""
    parts = [part for _, part in slabs(body, region)]
    fine = region.with_spacing(float(parts[0].grid.spacing[0]))
    fine_region = Volume(np.concatenate([part.values for part in parts]), fine)
    truth = Volume(means(fine_region, region.shape), region)
    return truth, _bordered(resample(body, _halved(body.grid)) if whole else fine_region)


def line_integrals(scene: Volume, views: Sequence[View]) -> np.ndarray:
    """[view, row, column] float32, without noise."""
    return Projector(views, scene.grid).forward(scene.values)


def exposed(clean: np.ndarray, photons: float, seed: int) -> np.ndarray:
    """The same with Poisson noise of `photons` per pixel in the open field; a pixel without photons counts one."""
    counts = np.random.default_rng(seed).poisson(photons * np.exp(-clean.astype(np.float64)))
    return -np.log(np.maximum(counts, 1) / photons).astype(np.float32)


def _bordered(volume: Volume) -> Volume:
    """With a layer of zeros around it, for RTK cuts a lattice at the centres of its border voxels."""
    return Volume(np.pad(volume.values, 1), volume.grid.padded(float(volume.grid.spacing.min())))


def _halved(grid: Grid) -> Grid:
    """The same box in voxels of half the size."""
    nk, nj, ni = grid.shape
    origin = grid.origin - grid.direction @ grid.spacing / 4
    return Grid((2 * nk, 2 * nj, 2 * ni), grid.spacing / 2, origin, grid.direction)
