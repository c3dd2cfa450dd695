"""Simple solids and the exact lengths of rays through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry import View
from ..geometry.rigid import Array, apply

MAX_RAY_LENGTH_MM = 1e5
"""More than the distance from a source to the far side of any solid."""


@dataclass(frozen=True, eq=False)
class Capsule:
    """A cylinder between two points (3,) LPS mm with a hemisphere at either end; a ball if the points coincide."""

    start: Array
    end: Array
    radius: float

    def span(self, source: Array, directions: Array) -> tuple[Array, Array]:
        """Distances (...) in mm at which rays from `source` (3,) along unit `directions` (..., 3) enter and leave.

        They are (inf, -inf) for a ray that misses. The capsule is convex: a ray enters it where it first enters its
        cylinder or one of its balls, and leaves it where it last leaves them.
        """
        enter, leave = _ball(source, directions, self.start, self.radius)
        for part in (_ball(source, directions, self.end, self.radius), self._cylinder(source, directions)):
            enter, leave = np.minimum(enter, part[0]), np.maximum(leave, part[1])
        return enter, leave

    def _cylinder(self, source: Array, directions: Array) -> tuple[Array, Array]:
        axis = self.end - self.start
        length = float(np.linalg.norm(axis))
        if length == 0:
            return _nowhere(directions)
        axis = axis / length
        offset = source - self.start
        along, height = directions @ axis, offset @ axis
        across, aside = directions - along[..., None] * axis, offset - height * axis
        enter, leave = _roots((across**2).sum(-1), across @ aside, float(aside @ aside) - self.radius**2)
        with np.errstate(divide="ignore", invalid="ignore"):
            caps = np.stack([-height / along, (length - height) / along])
        level = np.abs(along) < 1e-12
        low = np.where(level, -np.inf if 0 < height < length else np.inf, caps.min(axis=0))
        high = np.where(level, np.inf if 0 < height < length else -np.inf, caps.max(axis=0))
        enter, leave = np.maximum(enter, low), np.minimum(leave, high)
        return np.where(leave > enter, enter, np.inf), np.where(leave > enter, leave, -np.inf)


@dataclass(frozen=True, eq=False)
class Box:
    """A box aligned with the axes of the world: centre and size (3,), LPS mm."""

    center: Array
    size: Array

    def chords(self, source: Array, directions: Array) -> Array:
        """Lengths (...) in mm inside the box of rays from `source` (3,) along unit `directions` (..., 3)."""
        steps = np.where(directions == 0, 1e-30, directions)
        first, second = (
            (np.asarray(self.center) + sign * np.asarray(self.size) / 2 - source) / steps for sign in (-1, 1)
        )
        enter, leave = np.minimum(first, second).max(axis=-1), np.maximum(first, second).min(axis=-1)
        return np.maximum(leave - np.maximum(enter, 0), 0)


def ball(center: Array, radius: float) -> Capsule:
    """A ball around a point (3,), LPS mm."""
    return Capsule(np.asarray(center, float), np.asarray(center, float), radius)


def thickness(solids: Sequence[Capsule], view: View) -> np.ndarray:
    """(height, width) float32: length in mm of each pixel's ray inside the union of the solids.

    Each solid is intersected only in the rectangle of pixels that its shadow can reach.
    """
    width, height = view.size
    spans = [np.empty((3, 0))]
    for solid in solids:
        rows, columns = _shadow(solid, view)
        if rows.stop > rows.start and columns.stop > columns.start:
            enter, leave = solid.span(*_directions(view, rows, columns))
            met = leave > enter
            pixels = np.arange(width * height).reshape(height, width)[rows, columns][met]
            spans.append(np.stack([pixels, enter[met], leave[met]]))
    pixels, enter, leave = np.concatenate(spans, axis=1)
    order = np.lexsort((enter, pixels))
    pixels, enter, leave = pixels[order], enter[order], leave[order]
    # All rays on one axis, where the spans of each ray lie beyond those of the ray before.
    enter, leave = enter + pixels * MAX_RAY_LENGTH_MM, leave + pixels * MAX_RAY_LENGTH_MM
    covered = np.concatenate([[-np.inf], np.maximum.accumulate(leave)[:-1]])
    added = np.maximum(leave - np.maximum(enter, covered), 0)
    return np.bincount(pixels.astype(int), added, width * height).reshape(height, width).astype(np.float32)


def box_thickness(box: Box, view: View) -> np.ndarray:
    """(height, width) float32: length in mm of each pixel's ray inside a box."""
    return box.chords(*_directions(view, slice(0, view.size[1]), slice(0, view.size[0]))).astype(np.float32)


def _directions(view: View, rows: slice, columns: slice) -> tuple[Array, Array]:
    y, x = np.mgrid[rows, columns]
    return view.ray(np.stack([x, y], axis=-1))


def _shadow(solid: Capsule, view: View) -> tuple[slice, slice]:
    width, height = view.size
    ends = np.stack([solid.start, solid.end])
    pixels, depth = view.project(ends)
    nearest = apply(view.camera_from_world, ends)[:, 2].min() - solid.radius
    if nearest <= 0 or depth.min() <= 0:
        return slice(0, height), slice(0, width)
    margin = 2 * solid.radius * max(view.K[0, 0], view.K[1, 1]) / nearest + 2
    low = np.clip(np.floor(pixels.min(axis=0) - margin), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0) + margin), 0, (width, height)).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _ball(source: Array, directions: Array, center: Array, radius: float) -> tuple[Array, Array]:
    offset = source - center
    return _roots(np.ones(directions.shape[:-1]), directions @ offset, float(offset @ offset) - radius**2)


def _roots(a: Array, half_b: Array, c: float) -> tuple[Array, Array]:
    """The interval in which a t^2 + 2 half_b t + c is negative; (inf, -inf) where it never is."""
    under = half_b**2 - a * c
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(under, 0))
        enter, leave = (-half_b - root) / a, (-half_b + root) / a
    parallel = a < 1e-24
    hit = np.where(parallel, c < 0, under > 0)
    enter = np.where(hit, np.where(parallel, -np.inf, enter), np.inf)
    return enter, np.where(hit, np.where(parallel, np.inf, leave), -np.inf)


def _nowhere(directions: Array) -> tuple[Array, Array]:
    shape = directions.shape[:-1]
    return np.full(shape, np.inf), np.full(shape, -np.inf)
