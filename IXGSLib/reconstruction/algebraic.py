"""A quick voxel reconstruction from any poses, to start the Gaussians from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..geometry import Grid
from ..rendering.joseph import backproject, project_volume
from ..xray import XRay
from ..xray.reduction import reduced
from .body_model import Trunk, fitted_trunk
from .settings import ReconstructionSettings

VOXELS = 64**3
"""Voxels of the coarse grids; finer ones cost time and the optimisation finds the detail anyway."""
SWEEPS = 6
SUBSETS = 5
SHORTEST_CHORD = 1.0
"""Rays that cross less than this many mm of a grid say nothing about it."""
BACKGROUND_GAIN = 1.25
"""How many times worse the region alone has to explain the images before its surroundings are modelled."""
REACHES = (0.5, 0.75, 1.0)
"""Of the margin of the settings, how much the surroundings may take."""
TRUNK_REACH = 1.5
"""The same for a trunk, which has to hold all that the rays cross."""


@dataclass(frozen=True, eq=False)
class Start:
    """Coarse attenuation in 1/mm: of the region, and of what surrounds it (zero inside the region), if anything.

    trunk: what the surroundings are like where the region is full of soft tissue.
    """

    region: np.ndarray
    region_grid: Grid
    background: np.ndarray | None
    background_grid: Grid
    trunk: Trunk | None = None


def algebraic_start(xrays: Sequence[XRay], grid: Grid, settings: ReconstructionSettings) -> Start:
    """The coarse attenuation of the region and of its surroundings.

    Both are solved for together at low resolution. The surroundings count only when the region alone leaves much more
    of the images unexplained: then they start from a trunk where one fits the X-rays, and otherwise reach as far, in
    voxels as coarse, as leaves least of them. Their line integrals are taken off before the region is solved for.
    """
    coarse = _coarsened(grid)
    if settings.background_gaussians == 0 or settings.background_margin == 0:
        return Start(sirt(xrays, coarse), coarse, None, coarse)
    wide, *farther = (_coarsened(grid.padded(settings.background_margin * share)) for share in REACHES)
    both, farthest = sirt(xrays, wide), farther[-1]
    alone = sirt(xrays, wide, grid.contains(wide.points()))
    if _misfit(xrays, alone, wide, farthest) <= BACKGROUND_GAIN * _misfit(xrays, both, wide, farthest):
        return Start(sirt(xrays, coarse), coarse, None, wide)
    trunk = fitted_trunk(xrays, coarse, settings.trunk_attenuation) if settings.trunk_attenuation else None
    if trunk is None:
        wide, both = _best_reach(xrays, [wide, *farther], both)
        tissue = None
    else:
        wide, tissue = trunk_grid(grid, settings), trunk.values(coarse)
        both = sirt(xrays, wide, start=trunk.values(wide))
    background = np.where(grid.contains(wide.points()), 0, both).astype(np.float32)
    rest = [_without(xray, background, wide) for xray in xrays]
    return Start(sirt(rest, coarse, start=tissue), coarse, background, wide, trunk)


def trunk_grid(grid: Grid, settings: ReconstructionSettings) -> Grid:
    """The coarse lattice of a region and the trunk around it."""
    return _coarsened(grid.padded(settings.background_margin * TRUNK_REACH))


def sirt(
    xrays: Sequence[XRay], grid: Grid, where: np.ndarray | None = None, start: np.ndarray | None = None
) -> np.ndarray:
    """Attenuation [k, j, i] >= 0 by SWEEPS sweeps of simultaneous iterative reconstruction over subsets of the views.

    Gregor and Benson, IEEE TMI 2008: each residual is divided by the length of its ray, each update by what reaches
    the voxel. where: bool [k, j, i]; attenuation elsewhere stays zero. start: attenuation [k, j, i] to begin
    with, if any: what the X-rays leave open stays as it was.
    """
    where = np.ones(grid.shape, bool) if where is None else where
    xrays = [reduced(xray, _factor(xray, grid)) for xray in xrays]
    lengths = [project_volume(where, grid, xray.view) for xray in xrays]
    weights = [np.where(x.mask & (n > SHORTEST_CHORD), 1, 0) for x, n in zip(xrays, lengths, strict=True)]
    order = np.random.default_rng(0).permutation(len(xrays))
    subsets = [part for part in np.array_split(order, min(SUBSETS, len(xrays))) if len(part)]
    reach = [sum(backproject(weights[n], grid, xrays[n].view) for n in part) for part in subsets]
    values = np.zeros(grid.shape, np.float32) if start is None else start
    for _ in range(SWEEPS):
        for part, column in zip(subsets, reach, strict=True):
            update = np.zeros(grid.shape, np.float32)
            for n in part:
                residual = xrays[n].image - project_volume(values, grid, xrays[n].view)
                scaled = np.where(weights[n], residual / np.maximum(lengths[n], SHORTEST_CHORD), 0)
                update += backproject(scaled, grid, xrays[n].view)
            # Voxels that hardly a ray touches would take any value.
            np.divide(update, column, out=update, where=column > 1e-3 * np.max(column))
            values = np.where(where & (column > 1e-3 * np.max(column)), np.maximum(values + update, 0), values)
    return values


def _best_reach(xrays: Sequence[XRay], reaches: Sequence[Grid], nearest: np.ndarray) -> tuple[Grid, np.ndarray]:
    """The lattice that leaves least of the images unexplained, and its attenuation; nearest: that on the first one."""
    wide, values, farthest = reaches[0], nearest, reaches[-1]
    left = _misfit(xrays, values, wide, farthest)
    for wider in reaches[1:]:
        more = sirt(xrays, wider)
        less = _misfit(xrays, more, wider, farthest)
        if less < left:
            wide, values, left = wider, more, less
    return wide, values


def _factor(xray: XRay, grid: Grid) -> int:
    return max(1, int(grid.spacing.min() / xray.view.pixel_size(grid.center)))


def _coarsened(grid: Grid) -> Grid:
    """The same box in about VOXELS cubic voxels, none smaller than the grid's own."""
    return grid.with_spacing(max(float(np.cbrt(np.prod(grid.size) / VOXELS)), float(grid.spacing.min())))


def _misfit(xrays: Sequence[XRay], values: np.ndarray, grid: Grid, coarsest: Grid) -> float:
    """Root of the sum of squared residuals, of images averaged down to the voxels of the coarsest grid to compare."""
    small = [reduced(xray, _factor(xray, coarsest)) for xray in xrays]
    residuals = [np.where(x.mask, x.image - project_volume(values, grid, x.view), 0) for x in small]
    return float(np.sqrt(sum(np.square(r, dtype=np.float64).sum() for r in residuals)))


def _without(xray: XRay, background: np.ndarray, grid: Grid) -> XRay:
    """The X-ray less the line integrals of a background, which must not make it negative."""
    rest = np.maximum(xray.image - project_volume(background, grid, xray.view), np.minimum(xray.image, 0))
    return replace(xray, image=rest)
