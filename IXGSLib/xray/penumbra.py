"""How far the penumbra of a field's edge reaches into the field."""

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
"""Ratio of one width that is tried to the next."""
WIDTHS = 0.5 * WIDTH_STEP ** np.arange(14)
"""Standard deviations of penumbras that are tried, pixels."""
SHADOW_PIXELS, DEPTH_PIXELS = 14, 72
"""Length of the profile across an edge: outwards, where the shadow is measured, and inwards, for the penumbra."""
SECTORS = 60
"""Number of groups of rays whose profiles are averaged, each with its neighbours."""
MIN_BLANK_RAYS = 24
"""Smallest number of rays that must be blank inside an edge to show a blade."""
STRAY_SHARE = 0.05
"""Share of the open field that is added to both profile and model, so that stray light does not decide."""
TYPICAL_SLOPE = 0.01
"""Logarithm of intensity per pixel by which anatomy and vignetting typically rise or fall across a profile."""
MIN_CONTRAST = 0.3
"""Smallest ratio of the field above the shadow to the shadow of a profile that shows a penumbra."""
SLOPE_COST = 0.05
"""Cost of a slope as steep as TYPICAL_SLOPE."""
MAX_BLANK_RATIO = 0.2
"""Largest ratio of intensity just inside an unlit edge to that of the field, where blades reach further inwards."""
MAX_OFFSET_BLANK, MAX_OFFSET = 50, 10
"""Largest distance of the edge from its outline, in pixels beyond 2.5 widths: within a blank border, and elsewhere."""
BEST_SHARE = 0.4
"""Share of the profiles, those that fit best, that decide the width."""
MAX_COST = 5.0
"""Cost above which a profile does not fit at all, such as one across anatomy."""
MAX_COST_RATIO = 1.05
"""Largest ratio to the least cost at which a narrower penumbra is preferred."""
OFFSET_COST = 0.2
"""Cost of an offset one width away from the typical one."""
MAX_OFFSET_COST = 0.3
"""Its largest value within a blank border, which blades may extend to any depth."""
SHARP_EDGE_MARGIN = 0.4
"""Width of the strip that is masked inside a sharp edge, pixels."""
SHARP_STEPS, MIN_SHARP_RISE = (-2, 3, 10), 0.6
"""Pixels from an edge between the first two of which intensity rises, as a part of that at the third, where the edge is
sharp. With a penumbra of 3 pixels the rise is less than half."""
MAX_SHARP_DEPTH = 6.0
"""Pixels from a sharp edge within which the field is open."""


def depths(intensity: Array, edge: Array, inward: Array, valid: Array) -> Array:
    """(rays,) pixels from an edge to where the field is open.

    edge, inward: (rays, 2) points and unit normals (row, column). valid: (rays,) bool, rays that cross an edge.
    The transmission across an edge is the normal distribution of the distance, as of a blurred straight edge. Where the
    field is blank inside of the edge, blades have a penumbra of their own.
    """
    profile, blank, rise = _profiles(intensity, edge, inward, valid)
    usable = np.asarray(np.isfinite(profile).all(axis=1))
    if not usable.any():
        return np.full(RAYS, 2 * SHARP_EDGE_MARGIN)
    blank &= usable
    sectors = np.zeros(SECTORS)
    for fitted, most in ((blank, MAX_OFFSET_COST), (usable & ~blank, np.inf)):
        if fitted.any():
            farthest = MAX_OFFSET_BLANK if fitted is blank or 2 * blank.sum() > usable.sum() else MAX_OFFSET
            width, offsets = _fit(profile, fitted, farthest, most)
            open_at = _median_around(offsets, fitted) + ndtri(OPEN_TRANSMISSION) * width
            depth = np.maximum(open_at, 0) + SHARP_EDGE_MARGIN
            if np.median(rise[fitted]) > MIN_SHARP_RISE:
                depth = np.minimum(depth, MAX_SHARP_DEPTH)
            sectors[fitted] = depth[fitted]
    group = RAYS // SECTORS
    places = (np.arange(SECTORS) + 0.5) * group - 0.5
    return np.interp(np.arange(RAYS), places[usable], sectors[usable], period=RAYS)


def _profiles(intensity: Array, edge: Array, inward: Array, valid: Array) -> tuple[Array, Array, Array]:
    """The logarithm of intensity over the shadow from the edge inwards, (sectors, DEPTH_PIXELS), NaN without; which
    sectors are blank; and how much of the intensity behind the edge of a lit shadow is reached at once, 0 to 1.

    What the patient absorbs inside the edge is filled up, since transmission never falls inwards.
    """
    steps = np.arange(-SHADOW_PIXELS, DEPTH_PIXELS + 1)
    places = edge.T[:, :, None] + inward.T[:, :, None] * steps
    values = ndimage.map_coordinates(ndimage.gaussian_filter(intensity, 0.7), places, order=1, mode="nearest")
    beyond, within = values[:, : SHADOW_PIXELS - 4], values[:, SHADOW_PIXELS + 1 :]
    shadow = np.median(beyond, axis=1)
    shadow = ndimage.median_filter(
        np.where(valid, shadow, np.median(shadow[valid] if valid.any() else 0)), 15, mode="wrap"
    )
    bright, first = np.percentile(within, 80, axis=1), within[:, :4].mean(axis=1)
    unlit = shadow < 1e-3 * bright
    blank = valid & unlit & (first < MAX_BLANK_RATIO * bright)
    blank &= np.count_nonzero(blank) >= MIN_BLANK_RAYS
    above = np.maximum(within - np.where(blank, shadow + first, shadow)[:, None], 0)
    reference = np.percentile(above, 80, axis=1)
    valid = valid & (reference > MIN_CONTRAST * shadow) & (reference > 0)
    level = np.log(above / np.where(valid, reference, 1)[:, None] + STRAY_SHARE)
    before, after, behind = (
        values[:, SHADOW_PIXELS + step - 1 : SHADOW_PIXELS + step + 2].mean(axis=1) for step in SHARP_STEPS
    )
    rise = np.where(valid & ~unlit, (after - before) / np.maximum(behind - shadow, 1e-9), 0)
    group = RAYS // SECTORS
    return (
        np.maximum.accumulate(_sector_means(level, valid), axis=1),
        blank.reshape(SECTORS, group).mean(axis=1) > 0.5,
        np.median(rise.reshape(SECTORS, group), axis=1),
    )


def _sector_means(level: Array, valid: Array) -> Array:
    """(sectors, DEPTH_PIXELS) the means over the valid rays of each sector and their neighbours, NaN without any."""
    weight = valid.astype(float)[:, None]
    sums, counts = (
        ndimage.uniform_filter1d(values, 5, axis=0, mode="wrap").reshape(SECTORS, RAYS // SECTORS, -1).sum(axis=1)
        for values in (level * weight, weight)
    )
    return np.where(counts > 1e-9, sums / np.maximum(counts, 1e-9), np.nan)


def _fit(profile: Array, usable: Array, farthest: float, most: float) -> tuple[float, Array]:
    """The width that the usable sectors share, and the offset (sectors,) of each edge at half transmission.

    farthest: where the edge may be, pixels. most: the largest cost of an offset that differs from the typical one.
    """
    coarse = _narrowest([_tried(profile, width, usable, farthest) for width in WIDTHS])
    near = coarse.width * np.geomspace(1 / WIDTH_STEP, WIDTH_STEP, 7)
    best = _narrowest([_tried(profile, width, usable, farthest) for width in near])
    least = best.cost.min(axis=1, keepdims=True)
    cost = np.where(usable[:, None], np.minimum(best.cost - least, MAX_COST) + np.minimum(least, MAX_COST), 0)
    cost = _around(cost) / np.maximum(_around(usable.astype(float)), 1e-9)[:, None]
    typical = np.median(best.offsets[cost.argmin(axis=1)][usable])
    cost += np.minimum(OFFSET_COST * ((best.offsets - typical) / max(best.width, 2.0)) ** 2, most)
    return best.width, best.offsets[cost.argmin(axis=1)]


@dataclass(frozen=True, eq=False)
class _Trial:
    """A width, its cost where it fits best, and the cost (sectors, offsets) of each offset."""

    width: float
    total: float
    offsets: Array
    cost: Array


def _tried(profile: Array, width: float, usable: Array, farthest: float) -> _Trial:
    """How well edges of one width fit the profiles, any brightness and a slope of anatomy allowed for."""
    steps = np.arange(1, profile.shape[1] + 1)[::2]
    data = np.nan_to_num(profile[:, ::2])
    design = np.stack([np.ones(len(steps)), (steps - steps.mean()) * TYPICAL_SLOPE], axis=1)
    normal = design.T @ design + np.diag([1e-9, SLOPE_COST])
    project = np.eye(len(steps)) - design @ np.linalg.solve(normal, design.T)
    offsets = np.arange(-2.5 * width, 2.5 * width + farthest, max(0.4, width / 7))
    models = np.log(ndtr((steps - offsets[:, None]) / width) + STRAY_SHARE)
    fitted, wanted = models @ project, data @ project
    cost = (wanted * data).sum(axis=1)[:, None] - 2 * wanted @ models.T + (fitted * models).sum(axis=1)
    least = np.sort(cost.min(axis=1)[usable])
    return _Trial(width, float(least[: max(1, int(BEST_SHARE * len(least)))].mean()), offsets, cost)


def _narrowest(trials: list[_Trial]) -> _Trial:
    """The first trial, of rising width, that is about as good as the best."""
    enough = MAX_COST_RATIO * min(trial.total for trial in trials) + 0.01
    return next(trial for trial in trials if trial.total <= enough)


def _around(values: Array) -> Array:
    """Weighted sums of each sector and its neighbours."""
    return 2 * values + np.roll(values, 1, axis=0) + np.roll(values, -1, axis=0)


def _median_around(values: Array, usable: Array) -> Array:
    """The median of each value of a circle and of its usable neighbours."""
    near = [np.where(np.roll(usable, shift), np.roll(values, shift), values) for shift in (-1, 0, 1)]
    return np.median(near, axis=0)
