"""The width of the penumbra inside the edge of a field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import ndtr, ndtri

from .circle import Array
from .field_outline import RAYS

OPEN_TRANSMISSION = 0.95
"""Transmission from which the field counts as open."""
WIDTH_STEP = 1.3
"""Ratio of successive widths to try."""
WIDTHS = 0.5 * WIDTH_STEP ** np.arange(14)
"""Standard deviations of penumbras to try, pixels."""
SHADOW_REACH, PENUMBRA_REACH = 14, 72
"""Lengths of the profile in pixels outside an edge, for the shadow, and inside it, for the penumbra."""
SECTORS = 60
"""Number of groups of rays over which profiles are averaged, each with its neighbours."""
STRAY_LIGHT = 0.05
"""Fraction of the open field that is added to profile and model, so that stray light does not dominate the fit."""
TYPICAL_SLOPE = 0.01
"""Logarithm of intensity per pixel by which anatomy and vignetting typically rise or fall across a profile."""
MIN_CONTRAST = 0.3
"""Contrast of field and shadow, relative to the shadow, below which a profile shows no penumbra."""
SLOPE_COST = 0.05
"""Cost of a slope as steep as TYPICAL_SLOPE."""
MAX_BLANK_OFFSET, MAX_OFFSET = 30, 10
"""Largest distance of the edge from its outline in pixels, plus 2.5 widths: for blades inside a blank border, and for
all others."""
BEST_SHARE = 0.4
"""Share of the profiles, the best-fitting ones, that determine the width."""
MAX_COST = 5.0
"""Cost at which a profile that does not fit, such as anatomy, is capped."""
COST_TOLERANCE = 1.05
"""Factor over the lowest cost within which the narrowest penumbra is chosen."""
OFFSET_COST = 0.2
"""Cost of an offset that differs from the typical one by one width."""
MASK_MARGIN = 0.4
"""Pixels that are masked inside a sharp edge."""


def depths(intensity: Array, edge: Array, inward: Array, valid: Array) -> Array:
    """(rays,) pixels from an edge to where the field is open.

    edge, inward: (rays, 2) points and unit normals (row, column). valid: (rays,) bool, rays that cross an edge.
    The transmission across an edge is modelled as the cumulative normal distribution of the distance, as for a blurred
    straight edge.
    """
    profile, farthest = _profiles(intensity, edge, inward, valid)
    usable = np.asarray(np.isfinite(profile).all(axis=1))
    if not usable.any():
        return np.full(RAYS, 2 * MASK_MARGIN)
    width, offsets = _fit(profile, usable, farthest)
    sectors = np.maximum(_median_around(offsets, usable) + ndtri(OPEN_TRANSMISSION) * width, 0) + MASK_MARGIN
    group = RAYS // SECTORS
    places = (np.arange(SECTORS) + 0.5) * group - 0.5
    return np.interp(np.arange(RAYS), places[usable], sectors[usable], period=RAYS)


def _profiles(intensity: Array, edge: Array, inward: Array, valid: Array) -> tuple[Array, float]:
    """(sectors, PENUMBRA_REACH) log intensity above the shadow from the edge inwards, and the largest offset to search.

    Sectors without an edge are NaN. Attenuation by the patient is filled up, since transmission never falls inwards.
    """
    steps = np.arange(-SHADOW_REACH, PENUMBRA_REACH + 1)
    places = edge.T[:, :, None] + inward.T[:, :, None] * steps
    values = ndimage.map_coordinates(ndimage.gaussian_filter(intensity, 0.7), places, order=1, mode="nearest")
    beyond, within = values[:, : SHADOW_REACH - 4], values[:, SHADOW_REACH + 1 :]
    shadow = np.median(beyond, axis=1)
    shadow = ndimage.median_filter(
        np.where(valid, shadow, np.median(shadow[valid] if valid.any() else 0)), 15, mode="wrap"
    )
    bright, first = np.percentile(within, 80, axis=1), within[:, :4].mean(axis=1)
    blank = valid & (shadow < 1e-3 * bright) & (first < 0.1 * bright)
    above = np.maximum(within - np.where(blank, shadow + first, shadow)[:, None], 0)
    reference = np.percentile(above, 80, axis=1)
    valid = valid & (reference > MIN_CONTRAST * shadow) & (reference > 0)
    level = np.log(above / np.where(valid, reference, 1)[:, None] + STRAY_LIGHT)
    farthest = MAX_BLANK_OFFSET if np.count_nonzero(blank) > 0.5 * np.count_nonzero(valid) else MAX_OFFSET
    return np.maximum.accumulate(_sector_means(level, valid), axis=1), farthest


def _sector_means(level: Array, valid: Array) -> Array:
    """(sectors, PENUMBRA_REACH) means over the valid rays of each sector and its neighbours, NaN without any."""
    weight = valid.astype(float)[:, None]
    sums, counts = (
        ndimage.uniform_filter1d(values, 5, axis=0, mode="wrap").reshape(SECTORS, RAYS // SECTORS, -1).sum(axis=1)
        for values in (level * weight, weight)
    )
    return np.where(counts > 1e-9, sums / np.maximum(counts, 1e-9), np.nan)


def _fit(profile: Array, usable: Array, farthest: float) -> tuple[float, Array]:
    """The common width of all sectors, and the offset (sectors,) of each edge at half transmission."""
    coarse = _narrowest([_tried(profile, width, usable, farthest) for width in WIDTHS])
    near = coarse.width * np.geomspace(1 / WIDTH_STEP, WIDTH_STEP, 7)
    best = _narrowest([_tried(profile, width, usable, farthest) for width in near])
    least = best.cost.min(axis=1, keepdims=True)
    cost = np.where(usable[:, None], np.minimum(best.cost - least, MAX_COST) + np.minimum(least, MAX_COST), 0)
    cost = _around(cost) / np.maximum(_around(usable.astype(float)), 1e-9)[:, None]
    typical = np.median(best.offsets[cost.argmin(axis=1)][usable])
    cost += OFFSET_COST * ((best.offsets - typical) / max(best.width, 2.0)) ** 2
    return best.width, best.offsets[cost.argmin(axis=1)]


@dataclass(frozen=True, eq=False)
class _Trial:
    """A width, its cost for the best-fitting profiles, and the cost (sectors, offsets) of each offset."""

    width: float
    total: float
    offsets: Array
    cost: Array


def _tried(profile: Array, width: float, usable: Array, farthest: float) -> _Trial:
    """How well edges of one width fit the profiles, up to brightness and a slope due to anatomy."""
    steps = np.arange(1, profile.shape[1] + 1)[::2]
    data = np.nan_to_num(profile[:, ::2])
    design = np.stack([np.ones(len(steps)), (steps - steps.mean()) * TYPICAL_SLOPE], axis=1)
    normal = design.T @ design + np.diag([1e-9, SLOPE_COST])
    project = np.eye(len(steps)) - design @ np.linalg.solve(normal, design.T)
    offsets = np.arange(-2.5 * width, 2.5 * width + farthest, max(0.4, width / 7))
    models = np.log(ndtr((steps - offsets[:, None]) / width) + STRAY_LIGHT)
    fitted, wanted = models @ project, data @ project
    cost = (wanted * data).sum(axis=1)[:, None] - 2 * wanted @ models.T + (fitted * models).sum(axis=1)
    least = np.sort(cost.min(axis=1)[usable])
    return _Trial(width, float(least[: max(1, int(BEST_SHARE * len(least)))].mean()), offsets, cost)


def _narrowest(trials: list[_Trial]) -> _Trial:
    """The narrowest trial that is about as good as the best; trials are in order of increasing width."""
    enough = COST_TOLERANCE * min(trial.total for trial in trials) + 0.01
    return next(trial for trial in trials if trial.total <= enough)


def _around(values: Array) -> Array:
    """Weighted sums of each sector and its neighbours."""
    return 2 * values + np.roll(values, 1, axis=0) + np.roll(values, -1, axis=0)


def _median_around(values: Array, usable: Array) -> Array:
    """The median of each value of a circle and of its usable neighbours."""
    near = [np.where(np.roll(usable, shift), np.roll(values, shift), values) for shift in (-1, 0, 1)]
    return np.median(near, axis=0)
