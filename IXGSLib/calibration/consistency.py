"""How well X-rays agree under their poses, by epipolar consistency; no volume is needed.

A plane through two X-ray sources meets each image in a line. The derivative of the plane's integral of attenuation
can be computed from either line, so both images must give the same number for every such plane: Grangeat, Lecture
Notes in Mathematics 1497 (1991); Aichert et al., Epipolar consistency in transmission imaging, IEEE TMI 34 (2015).
Images are band-pass filtered first and fade out towards the border of the field, since truncated lines would differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..compute.lanes import kernel, part
from ..compute.threads import run
from ..geometry import View
from ..geometry.rigid import Array
from ..xray import XRay
from ..xray.reduction import reduced

MIN_REDUCED_SIDE = 64
"""Fewest pixels along the longer side of the reduced images, unless the images themselves have fewer."""
BACKGROUND_WIDTH = 0.05
"""Standard deviation of the blur that is subtracted, as a fraction of the longer side."""
FADE_WIDTH = 0.12
"""Width of the border over which images fade out, as a fraction of the longer side."""
ANGLES, OFFSETS = 90, 81
"""Sampling of the Radon transform: directions over half a turn, and distances from the image centre."""
PLANES = 33
"""Number of epipolar planes of each pair of views."""
PLANE_REACH = 0.4
"""Half-width over which these planes are spread, as a fraction of the width of the field at the centre."""

MIN_BASELINE = 1e-4
"""Smallest distance of two sources that form a pair, as a fraction of the distance to the object."""
MIN_BASELINE_OFFSET = 1e-6
"""Distance of a baseline from the centre, as a fraction of the reach, below which it counts as passing through it."""


@dataclass(frozen=True, eq=False)
class EpipolarPairs:
    """All pairs of some views, and the lines in which their epipolar planes meet the two images.

    first, second: (pairs,) indices of the views.
    lines: two arrays (pairs, PLANES, 3): row and column in the table of `radon_derivative`, and the factor that turns
    its value into the derivative of the plane's integral.
    """

    views: tuple[View, ...]
    first: np.ndarray
    second: np.ndarray
    lines: tuple[Array, Array]

    @classmethod
    def of(cls, views: Sequence[View]) -> EpipolarPairs:
        """The pairs of views whose sources differ."""
        center = middle(views)
        reach = PLANE_REACH * float(np.mean([max(view.size) * view.pixel_size(center) for view in views]))
        sources = np.array([view.source for view in views])
        first, second = np.triu_indices(len(views), 1)
        farthest = np.linalg.norm(sources - center, axis=1).max()
        apart = np.linalg.norm(sources[second] - sources[first], axis=1) > MIN_BASELINE * farthest
        first, second = first[apart], second[apart]
        normals = _plane_normals(views, first, second, center, reach)
        return cls(tuple(views), first, second, (_lines(views, first, normals), _lines(views, second, normals)))

    @cached_property
    def number(self) -> np.ndarray:
        """(views, views) the number of the pair of two views, -1 where there is none; symmetric."""
        table = np.full((len(self.views), len(self.views)), -1)
        table[self.first, self.second] = table[self.second, self.first] = np.arange(len(self.first))
        return table

    def disagreement(self, tables: np.ndarray, shown: np.ndarray) -> Array:
        """(pairs,) 1 minus the correlation along corresponding lines, with tables[shown[n]] as the image of view n.

        nan where an image shows nothing on its lines.
        """
        shown = np.asarray(shown)
        return self.compared(tables, np.arange(len(self.first)), shown[self.first], shown[self.second])

    def compared(self, tables: np.ndarray, pairs: np.ndarray, first: np.ndarray, second: np.ndarray) -> Array:
        """(n,) the same for selected pairs, with tables[first] and tables[second] as the images of their views."""
        sums = self._sums(tables, pairs, first, second)
        energy = np.sqrt(sums[:, 0] * sums[:, 1])
        return np.where(energy > 0, 1 - sums[:, 2] / np.where(energy > 0, energy, 1), np.nan)

    def log_ratio(self, tables: np.ndarray) -> Array:
        """(pairs,) logarithm of how much stronger the first view's plane integrals are; tables[n] is view n's image.

        Not finite where an image shows nothing on its lines.
        """
        sums = self._sums(tables, np.arange(len(self.first)), self.first, self.second)
        with np.errstate(divide="ignore", invalid="ignore"):
            return 0.5 * (np.log(sums[:, 0]) - np.log(sums[:, 1]))

    def _sums(self, tables: np.ndarray, pairs: np.ndarray, first: np.ndarray, second: np.ndarray) -> Array:
        """(n, 3) sums over the planes of both squared derivatives and of their product."""
        sums = np.zeros((len(pairs), 3))
        arguments = (np.ascontiguousarray(index, dtype=np.int64) for index in (pairs, first, second))
        run(_compare, len(pairs), tables, *arguments, *self.lines, sums)
        return sums

    @cached_property
    def angle(self) -> Array:
        """(pairs,) radians between the lines of sight of two views, 0 to pi / 2: opposite views see much the same."""
        towards = np.array([view.source for view in self.views]) - middle(self.views)
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        cosine = (towards[self.first] * towards[self.second]).sum(axis=1)
        return np.arccos(np.clip(np.abs(cosine), 0, 1))


def middle(views: Sequence[View]) -> Array:
    """(3,) the point nearest to all rays through the centres of the images, LPS mm, in the least-squares sense."""
    rays = [view.ray((np.array(view.size) - 1) / 2) for view in views]
    projectors = [np.eye(3) - np.outer(direction, direction) for _, direction in rays]
    moments = [Q @ source for Q, (source, _) in zip(projectors, rays, strict=True)]
    return np.linalg.lstsq(np.sum(projectors, axis=0), np.sum(moments, axis=0), rcond=None)[0]


def radon_derivatives(xrays: Sequence[XRay]) -> tuple[list[View], np.ndarray]:
    """The views of the reduced images, and (views, ANGLES + 1, OFFSETS) float32 derivatives of their line integrals."""
    small = [reduced(xray, max(1, max(xray.view.size) // MIN_REDUCED_SIDE)) for xray in xrays]
    tables = np.zeros((len(small), ANGLES + 1, OFFSETS), np.float32)
    images = [_weighted(xray) for xray in small]

    def transform(chunk: int, start: int, stop: int) -> None:
        for n in range(start, stop):
            _radon(images[n], tables[n])

    run(transform, len(small))
    tables = ndimage.gaussian_filter1d(tables, 1.0, axis=2, order=1, mode="constant")
    tables[:, ANGLES] = -tables[:, 0, ::-1]
    return [xray.view for xray in small], tables


def _weighted(xray: XRay) -> np.ndarray:
    """The band-pass filtered image, faded out at its border, times the cosine of the angle to the principal ray."""
    measured, longer = xray.mask.astype(np.float64), max(xray.view.size)
    sums = [
        ndimage.gaussian_filter(a, BACKGROUND_WIDTH * longer, mode="constant")
        for a in (xray.image * measured, measured)
    ]
    detail = (xray.image - sums[0] / np.maximum(sums[1], 1e-3)) * measured
    depth = ndimage.distance_transform_edt(np.pad(xray.mask, 1))[1:-1, 1:-1]
    K, (height, width) = xray.view.K, xray.mask.shape
    x, y = (np.arange(width) - K[0, 2]) / K[0, 0], (np.arange(height) - K[1, 2]) / K[1, 1]
    cosine = 1 / np.sqrt(1 + x**2 + y[:, None] ** 2)
    return (detail * np.minimum(depth / (FADE_WIDTH * longer), 1) * cosine).astype(np.float32)


def _plane_normals(views: Sequence[View], first: np.ndarray, second: np.ndarray, center: Array, reach: float) -> Array:
    """Unit normals (pairs, PLANES, 3) of planes through two sources that pass within `reach` mm of a point."""
    sources = np.array([view.source for view in views])
    baseline = sources[second] - sources[first]
    baseline = baseline / np.linalg.norm(baseline, axis=1, keepdims=True)
    towards = _across(center - sources[first], baseline)
    distance = np.linalg.norm(towards, axis=1)
    # With sources opposite each other all planes contain the point, and any direction will do.
    anywhere = _across(np.eye(3)[np.abs(baseline).argmin(axis=1)], baseline)
    towards = np.where((distance > MIN_BASELINE_OFFSET * reach)[:, None], towards, anywhere)
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    turn = np.arctan2(reach * np.linspace(-1, 1, PLANES), distance[:, None])[..., None]
    return np.cos(turn) * np.cross(baseline, towards)[:, None] - np.sin(turn) * towards[:, None]


def _across(vectors: Array, directions: Array) -> Array:
    """The part of vectors (n, 3) that is perpendicular to unit directions (n, 3)."""
    return vectors - (vectors * directions).sum(axis=1, keepdims=True) * directions


def _lines(views: Sequence[View], numbers: np.ndarray, normals: Array) -> Array:
    """(pairs, PLANES, 3) lines where planes with world normals (pairs, PLANES, 3) meet the images of views[numbers]."""
    rotation = np.array([view.world_from_camera[:3, :3] for view in views])[numbers]
    inverse_K = np.array([np.linalg.inv(view.K) for view in views])[numbers]
    size = np.array([view.size for view in views], dtype=np.float64)[numbers][:, None]
    in_camera = normals @ rotation
    line = in_camera @ inverse_K
    offset = -(line[..., 2] + (line[..., :2] * (size - 1) / 2).sum(axis=-1)) / np.linalg.norm(line[..., :2], axis=-1)
    angle, sign = np.arctan2(line[..., 1], line[..., 0]), np.ones(offset.shape)
    for turned, by in ((angle < 0, np.pi), (angle >= np.pi, -np.pi)):  # a half-turn reverses offset and derivative
        angle, sign = np.where(turned, angle + by, angle), np.where(turned, -sign, sign)
    radius = np.linalg.norm(size, axis=-1) / 2
    row, column = angle / np.pi * ANGLES, (sign * offset + radius) / (2 * radius) * (OFFSETS - 1)
    slant = in_camera[..., 2] ** 2 / (in_camera[..., :2] ** 2).sum(axis=-1)
    return np.stack([row, column, sign * (1 + slant)], axis=-1)


@part
def _bilinear(table, y, x):
    i, j = math.floor(y), math.floor(x)
    if i < 0 or i >= table.shape[0] - 1 or j < 0 or j >= table.shape[1] - 1:
        return 0.0
    f, g = y - i, x - j
    upper = (1 - g) * table[i, j] + g * table[i, j + 1]
    return (1 - f) * upper + f * ((1 - g) * table[i + 1, j] + g * table[i + 1, j + 1])


@kernel
def _radon(image, table):
    """Sums along the lines x cos a + y sin a = t about the image centre: rows are a, columns are t."""
    height, width = image.shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    radius = np.sqrt(height * height + width * width) / 2
    steps = math.ceil(radius)
    for a in range(table.shape[0] - 1):
        c, s = np.cos(np.pi * a / (table.shape[0] - 1)), np.sin(np.pi * a / (table.shape[0] - 1))
        for k in range(table.shape[1]):
            t = radius * (2 * k / (table.shape[1] - 1) - 1)
            total = 0.0
            for m in range(-steps, steps + 1):
                total += _bilinear(image, middle_y + t * s + m * c, middle_x + t * c - m * s)
            table[a, k] = total


@kernel
def _compare(chunk, start, stop, tables, pairs, first, second, lines_first, lines_second, sums):
    for n in range(start, stop):
        p = pairs[n]
        one, other = tables[first[n]], tables[second[n]]
        for m in range(lines_first.shape[1]):
            x = _bilinear(one, lines_first[p, m, 0], lines_first[p, m, 1]) * lines_first[p, m, 2]
            y = _bilinear(other, lines_second[p, m, 0], lines_second[p, m, 1]) * lines_second[p, m, 2]
            sums[n, 0] += x * x
            sums[n, 1] += y * y
            sums[n, 2] += x * y
