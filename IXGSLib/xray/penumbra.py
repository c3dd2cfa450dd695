"""How far the penumbra of a field's edge reaches into the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import ndtr, ndtri

from .field_outline import RAYS

OPEN = 0.95
"""Transmission from which the field counts as open."""
WIDTH_STEP = 1.3
WIDTHS = 0.5 * WIDTH_STEP ** np.arange(14)
"""Standard deviations of penumbras that are tried, pixels."""
DEPTH = 72
"""Pixels of field beside an edge from which its penumbra is judged."""
SECTORS = 60
"""Groups of rays of which profiles are averaged, each with its neighbours."""
HAZE = 0.05
"""Part of the open field that is added to both profile and model, so that stray light does not decide."""
SLOPE = 0.01
"""Logarithm of intensity per pixel by which anatomy and vignetting typically rise or fall across a profile."""
LEAST_CONTRAST = 0.3
"""Field over shadow, as a part of the shadow, below which a profile shows no penumbra."""
SLOPE_COST = 0.05
"""Cost of a slope as steep as SLOPE."""
FARTHEST = 30
"""Pixels inside of an edge at which the field of blades within it may begin."""
BEST = 0.4
"""Part of the profiles that decide on the width, those that fit best."""
MOST = 5.0
"""Cost from which a profile is known not to fit, be it anatomy."""
TOLERANCE = 1.05
"""Factor over the least cost within which the narrowest penumbra is taken."""
PRIOR = 0.2
"""Cost of an offset one width away from the typical one."""
MARGIN = 0.4
"""Pixels that are masked inside of a sharp edge."""


def depths(intensity: np.ndarray, edge: np.ndarray, inward: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(rays,) pixels from an edge to where the field is open.

    edge, inward: (rays, 2) points and unit normals (row, column). valid: (rays,) bool, rays that cross an edge.
    The transmission across an edge is the normal distribution of the distance, as of a blurred straight edge.
    """
    profile = _profiles(intensity, edge, inward, valid)
    group = RAYS // SECTORS
    usable = np.isfinite(profile).all(axis=1)
    if not usable.any():
        return np.full(RAYS, 2 * MARGIN)
    width, offsets = _fit(profile, usable)
    offsets = _median_around(np.where(usable, offsets, np.nan))
    sectors = np.maximum(offsets + ndtri(OPEN) * width, 0) + MARGIN
    places = (np.arange(SECTORS) + 0.5) * group - 0.5
    return np.interp(np.arange(RAYS), places[usable], sectors[usable], period=RAYS)


def _profiles(intensity: np.ndarray, edge: np.ndarray, inward: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(sectors, DEPTH) logarithm of intensity over the shadow, from the edge inwards."""
    steps = np.arange(-14, DEPTH + 1)
    places = edge.T[:, :, None] + inward.T[:, :, None] * steps
    smooth = ndimage.gaussian_filter(intensity, 0.7)
    values = ndimage.map_coordinates(smooth, places, order=1, mode="nearest")
    shadow = np.median(values[:, :10], axis=1)
    shadow = ndimage.median_filter(np.where(valid, shadow, np.median(shadow[valid])), 15, mode="wrap")
    above = np.maximum(values[:, 15:] - shadow[:, None], 0)
    inner = values[:, 15:19].mean(axis=1)
    brightest = np.percentile(values[:, 15:], 80, axis=1)
    blank = valid & (shadow < 1e-3 * brightest) & (inner < 0.1 * brightest)
    above = np.maximum(above - np.where(blank, inner, 0)[:, None], 0)
    valid = valid & (np.percentile(above, 80, axis=1) > LEAST_CONTRAST * shadow)
    reference = np.maximum(np.percentile(above, 80, axis=1), 1e-3 * above.max())
    level = np.where(valid[:, None], np.log(above / reference[:, None] + HAZE), np.nan)
    group = RAYS // SECTORS
    wide = np.stack([np.roll(level, shift, axis=0) for shift in range(-2, 3)])
    with np.errstate(all="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mean = np.nanmean(wide, axis=0)
            return np.nanmean(mean.reshape(SECTORS, group, -1), axis=1)


def _fit(profile: np.ndarray, usable: np.ndarray) -> tuple[float, np.ndarray]:
    """The width that all sectors share, and the offset (sectors,) of each edge at half transmission."""
    coarse = _narrowest([_tried(profile, width, usable) for width in WIDTHS])
    near = coarse.width * np.geomspace(1 / WIDTH_STEP, WIDTH_STEP, 7)
    best = _narrowest([_tried(profile, width, usable) for width in near])
    least = best.cost.min(axis=1, keepdims=True)
    cost = np.where(usable[:, None], np.minimum(best.cost - least, MOST) + np.minimum(least, MOST), 0)
    cost = _around(cost) / np.maximum(_around(usable.astype(float)), 1e-9)[:, None]
    typical = np.median(best.offsets[cost.argmin(axis=1)][usable])
    cost += PRIOR * ((best.offsets - typical) / max(best.width, 2.0)) ** 2
    return best.width, best.offsets[cost.argmin(axis=1)]


@dataclass(frozen=True, eq=False)
class _Trial:
    """A width, its cost where it fits best, and the cost (sectors, offsets) of each offset."""

    width: float
    total: float
    offsets: np.ndarray
    cost: np.ndarray


def _tried(profile: np.ndarray, width: float, usable: np.ndarray) -> _Trial:
    """How well edges of one width fit the profiles, any brightness and a slope of anatomy allowed for."""
    steps = np.arange(1, profile.shape[1] + 1)[::2]
    data = np.nan_to_num(profile[:, ::2])
    design = np.stack([np.ones(len(steps)), (steps - steps.mean()) * SLOPE], axis=1)
    normal = design.T @ design + np.diag([1e-9, SLOPE_COST])
    project = np.eye(len(steps)) - design @ np.linalg.solve(normal, design.T)
    offsets = np.arange(-2.5 * width, 2.5 * width + FARTHEST, max(0.4, width / 7))
    models = np.log(ndtr((steps - offsets[:, None]) / width) + HAZE)
    fitted, wanted = models @ project, data @ project
    cost = (wanted * data).sum(axis=1)[:, None] - 2 * wanted @ models.T + (fitted * models).sum(axis=1)
    least = np.sort(cost.min(axis=1)[usable])
    return _Trial(width, float(least[: max(1, int(BEST * len(least)))].mean()), offsets, cost)


def _narrowest(trials: list[_Trial]) -> _Trial:
    enough = TOLERANCE * min(trial.total for trial in trials) + 0.01
    return next(trial for trial in trials if trial.total <= enough)


def _around(values: np.ndarray) -> np.ndarray:
    """Weighted sums of each sector and its neighbours."""
    return np.roll(values, -1, axis=0) + 2 * values + np.roll(values, 1, axis=0)


def _median_around(values: np.ndarray) -> np.ndarray:
    """The median of each value of a circle and of its neighbours, NaN left out."""
    near = np.stack([np.roll(values, shift) for shift in (-1, 0, 1)])
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.where(np.isfinite(values), np.nanmedian(near, axis=0), np.nan)
