"""A quick voxel reconstruction from arbitrary poses that initialises the Gaussians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..geometry import Grid
from ..rendering.joseph import backproject, project_volume
from ..xray import XRay
from ..xray.reduction import reduced
from .body_model import BodyModel, fit_body_model
from .fdk import check_circle, filtered_backprojection
from .settings import ReconstructionSettings

COARSE_VOXELS = 64**3
"""Number of voxels of the coarse grids; finer ones take longer, and the optimisation adds the detail anyway."""
SWEEPS = 6
SUBSETS = 5
MIN_PATH_MM = 1.0
"""Shortest path through a grid of rays that are used."""
MIN_BACKGROUND_GAIN = 1.25
"""Ratio of the misfit of the region alone to that with a background, above which a background is modelled."""
BACKGROUND_EXTENTS = (0.5, 0.75, 1.0)
"""Extents of the background to try, as fractions of the background margin."""
BODY_EXTENT = 1.5
"""The same for a background with a body model, which must contain everything that the rays cross."""
MIN_COVERAGE = 1e-3
"""Fraction of the largest ray weight below which voxels are not updated: a few rays would not determine them."""


@dataclass(frozen=True, eq=False)
class CoarseVolumes:
    """Coarse attenuation in 1/mm: of the region, and of the background (zero inside the region) if there is one.

    body: the model of the background where soft tissue fills the region.
    """

    region: np.ndarray
    region_grid: Grid
    background: np.ndarray | None
    background_grid: Grid
    body: BodyModel | None = None


def coarse_volumes(xrays: Sequence[XRay], grid: Grid, settings: ReconstructionSettings) -> CoarseVolumes:
    """The coarse attenuation of the region and its background.

    Both are solved for together at low resolution. There is a background only if the region alone explains the images
    much worse: it starts from a body model if one fits the X-rays, and otherwise has the extent, in equally coarse
    voxels, that explains the images best. Its line integrals are subtracted before the region is solved for, by
    filtered backprojection where the settings start from that.
    Raises ReconstructionError for filtered backprojection of views that lie on no circle.
    """
    cloud, coarse = settings.cloud, _coarsened(grid)
    if cloud.initialization == "fdk":
        check_circle([xray.view for xray in xrays])
    if cloud.background_gaussians == 0 or cloud.background_margin == 0:
        return CoarseVolumes(_region(xrays, coarse, settings), coarse, None, coarse)
    wide, *wider = (_coarsened(grid.padded(cloud.background_margin * share)) for share in BACKGROUND_EXTENTS)
    both, widest = sirt(xrays, wide), wider[-1]
    alone = sirt(xrays, wide, grid.contains(wide.points()))
    if _misfit(xrays, alone, wide, widest) <= MIN_BACKGROUND_GAIN * _misfit(xrays, both, wide, widest):
        return CoarseVolumes(_region(xrays, coarse, settings), coarse, None, wide)
    attenuation = settings.tissue.body_attenuation
    body = fit_body_model(xrays, coarse, attenuation) if attenuation else None
    if body is None:
        wide, both = _best_extent(xrays, [wide, *wider], both)
        tissue = None
    else:
        wide, tissue = body_grid(grid, settings), body.values(coarse)
        both = sirt(xrays, wide, start=body.values(wide))
    background = np.where(grid.contains(wide.points()), 0, both).astype(np.float32)
    rest = [_without(xray, background, wide) for xray in xrays]
    return CoarseVolumes(_region(rest, coarse, settings, tissue), coarse, background, wide, body)


def _region(
    xrays: Sequence[XRay], grid: Grid, settings: ReconstructionSettings, start: np.ndarray | None = None
) -> np.ndarray:
    """The attenuation of the region, by filtered backprojection if the settings say so."""
    if settings.cloud.initialization == "fdk":
        return filtered_backprojection([reduced(xray, _factor(xray, grid)) for xray in xrays], grid)
    return sirt(xrays, grid, start=start)


def body_grid(grid: Grid, settings: ReconstructionSettings) -> Grid:
    """The coarse grid of a region and the body model around it."""
    return _coarsened(grid.padded(settings.cloud.background_margin * BODY_EXTENT))


def sirt(
    xrays: Sequence[XRay], grid: Grid, where: np.ndarray | None = None, start: np.ndarray | None = None
) -> np.ndarray:
    """Attenuation [k, j, i] >= 0 by SWEEPS sweeps of simultaneous iterative reconstruction over subsets of the views.

    Each residual is divided by the length of its ray, each update by the weight of the rays through the voxel (Gregor
    and Benson, IEEE TMI 2008). where: bool [k, j, i]; attenuation elsewhere stays zero. start: initial attenuation
    [k, j, i], which remains where the X-rays give no information.
    """
    where = np.ones(grid.shape, bool) if where is None else where
    xrays = [reduced(xray, _factor(xray, grid)) for xray in xrays]
    lengths = [project_volume(where, grid, xray.view) for xray in xrays]
    weights = [np.where(x.mask & (n > MIN_PATH_MM), 1, 0) for x, n in zip(xrays, lengths, strict=True)]
    order = np.random.default_rng(0).permutation(len(xrays))
    subsets = [part for part in np.array_split(order, min(SUBSETS, len(xrays))) if len(part)]
    coverage = [sum(backproject(weights[n], grid, xrays[n].view) for n in part) for part in subsets]
    values = np.zeros(grid.shape, np.float32) if start is None else start
    for _ in range(SWEEPS):
        for part, column in zip(subsets, coverage, strict=True):
            update = np.zeros(grid.shape, np.float32)
            for n in part:
                residual = xrays[n].image - project_volume(values, grid, xrays[n].view)
                scaled = np.where(weights[n], residual / np.maximum(lengths[n], MIN_PATH_MM), 0)
                update += backproject(scaled, grid, xrays[n].view)
            covered = column > MIN_COVERAGE * np.max(column)
            np.divide(update, column, out=update, where=covered)
            values = np.where(where & covered, np.maximum(values + update, 0), values)
    return values


def _best_extent(xrays: Sequence[XRay], grids: Sequence[Grid], first: np.ndarray) -> tuple[Grid, np.ndarray]:
    """The grid that explains the images best, and its attenuation; first: the attenuation on the first grid."""
    best, values, widest = grids[0], first, grids[-1]
    left = _misfit(xrays, values, best, widest)
    for grid in grids[1:]:
        wider = sirt(xrays, grid)
        less = _misfit(xrays, wider, grid, widest)
        if less < left:
            best, values, left = grid, wider, less
    return best, values


def _factor(xray: XRay, grid: Grid) -> int:
    """The factor by which an image is reduced so that its pixels match the voxels of a grid."""
    return max(1, int(grid.spacing.min() / xray.view.pixel_size(grid.center)))


def _coarsened(grid: Grid) -> Grid:
    """The same box in about COARSE_VOXELS cubic voxels, none smaller than the grid's own."""
    return grid.with_spacing(max(float(np.cbrt(np.prod(grid.size) / COARSE_VOXELS)), float(grid.spacing.min())))


def _misfit(xrays: Sequence[XRay], values: np.ndarray, grid: Grid, coarsest: Grid) -> float:
    """Root of the sum of squared residuals, in images reduced to the voxels of the coarsest grid to compare."""
    small = [reduced(xray, _factor(xray, coarsest)) for xray in xrays]
    residuals = [np.where(x.mask, x.image - project_volume(values, grid, x.view), 0) for x in small]
    return float(np.sqrt(sum(np.square(r, dtype=np.float64).sum() for r in residuals)))


def _without(xray: XRay, background: np.ndarray, grid: Grid) -> XRay:
    """The X-ray minus the line integrals of a background, which must not make it negative."""
    rest = np.maximum(xray.image - project_volume(background, grid, xray.view), np.minimum(xray.image, 0))
    return replace(xray, image=rest)
