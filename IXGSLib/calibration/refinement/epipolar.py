"""How strongly corresponding epipolar lines of all pairs of views differ, and how that changes with the poses.

The quantity is that of `calibration.consistency`: the derivative of a plane's integral of attenuation, which both
images of a pair give. Here both series of numbers are scaled to unit length, so that gains of the images do not matter,
and their differences are residuals to be minimised over the poses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...compute.lanes import kernel, part
from ...compute.threads import run
from ...geometry import View
from ...geometry.rigid import Array
from ...geometry.twists import changed
from ..consistency import MIN_BASELINE, MIN_BASELINE_OFFSET, PLANE_REACH
from ..radon import bilinear

DIFFERENCE_STEP = 0.3
"""Step of the central differences: the shift in mm, and the turn that moves the rim of the region by as much."""


@dataclass(frozen=True, eq=False)
class EpipolarImages:
    """The Radon derivatives of some views (views, rows, offsets), and what is fixed about these views.

    center: (3,) the point about which poses change, LPS mm. reach: half-width in mm over which planes are spread about
    it. units: (6,) the changes, in radians and mm, that count as one. planes: number of epipolar planes of each pair.
    """

    views: tuple[View, ...]
    tables: np.ndarray
    center: Array
    units: Array
    planes: int

    @cached_property
    def pairs(self) -> np.ndarray:
        """(pairs, 2) indices of the views whose sources differ."""
        sources = np.array([view.source for view in self.views])
        first, second = np.triu_indices(len(self.views), 1)
        farthest = np.linalg.norm(sources - self.center, axis=1).max()
        apart = np.linalg.norm(sources[second] - sources[first], axis=1) > MIN_BASELINE * farthest
        return np.stack([first[apart], second[apart]], axis=1)

    @cached_property
    def _cameras(self) -> Array:
        """(views, 11): the inverse of K by rows, width and height."""
        return np.array([[*np.linalg.inv(view.K).ravel(), *view.size] for view in self.views], dtype=np.float64)

    @cached_property
    def _reach(self) -> float:
        return PLANE_REACH * float(np.mean([max(view.size) * view.pixel_size(self.center) for view in self.views]))

    def residuals(self, poses: Array) -> Array:
        """(pairs, planes) differences of the normalised plane integrals at poses (views, 4, 4)."""
        return self._computed(poses[None], poses[None], self.pairs)[0]

    def disagreement(self, poses: Array) -> Array:
        """(pairs,) 1 minus the correlation along corresponding lines: 0 when they are alike, 1 when unrelated."""
        return np.square(self.residuals(poses)).sum(axis=1) / 2

    def disagreement_of(self, number: int, candidates: Array, poses: Array, others: np.ndarray) -> Array:
        """(candidates, pairs) the disagreement of one view, at poses (candidates, 4, 4), with some others."""
        with_it = (self.pairs == number).any(axis=1) & np.isin(self.pairs, others).any(axis=1)
        pairs = np.array([[number, a if b == number else b] for a, b in self.pairs[with_it]]).reshape(-1, 2)
        moved = np.repeat(poses[None], len(candidates), axis=0)
        moved[:, number] = candidates
        return np.square(self._computed(moved, np.broadcast_to(poses, moved.shape), pairs)).sum(axis=2) / 2

    def linearized(self, poses: Array) -> tuple[Array, Array]:
        """The residuals and their derivatives (pairs, planes, 12): by six units of the first view, then the second."""
        count, steps = len(poses), DIFFERENCE_STEP * np.concatenate([np.eye(6), -np.eye(6)])
        moved = np.array([changed(poses, np.tile(step * self.units, (count, 1)), self.center) for step in steps])
        still = np.broadcast_to(poses, moved.shape)
        first = self._computed(moved, still, self.pairs)
        second = self._computed(still, moved, self.pairs)
        slopes = [(each[:6] - each[6:]) / (2 * DIFFERENCE_STEP) for each in (first, second)]
        return self.residuals(poses), np.moveaxis(np.concatenate(slopes), 0, -1)

    def _computed(self, first: Array, second: Array, pairs: np.ndarray) -> Array:
        """(variants, pairs, planes) residuals, with poses (variants, views, 4, 4) for the first and the second view."""
        first, second = (np.ascontiguousarray(poses[:, :, :3]) for poses in (first, second))
        out = np.empty((len(first), len(pairs), self.planes))
        run(_residuals, len(pairs), self.tables, pairs, self._cameras, first, second, *self._frame, out)
        return out

    @cached_property
    def _frame(self) -> tuple[Array, float]:
        return self.center, self._reach


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sets of images of the same views, such as standardised and original X-rays, which count equally."""

    sets: tuple[EpipolarImages, ...]

    @property
    def center(self) -> Array:
        return self.sets[0].center

    @property
    def units(self) -> Array:
        return self.sets[0].units

    @property
    def pairs(self) -> np.ndarray:
        return self.sets[0].pairs

    def residuals(self, poses: Array) -> Array:
        """(pairs, sets times planes), scaled so that their squares are on the scale of one set's."""
        return self._beside(each.residuals(poses) for each in self.sets)

    def disagreement(self, poses: Array) -> Array:
        """(pairs,) 1 minus the correlation along corresponding lines, the mean of all sets."""
        return np.square(self.residuals(poses)).sum(axis=1) / 2

    def disagreement_of(self, number: int, candidates: Array, poses: Array, others: np.ndarray) -> Array:
        """(candidates, pairs) as in EpipolarImages, the mean of all sets."""
        return np.mean([each.disagreement_of(number, candidates, poses, others) for each in self.sets], axis=0)

    def by_view(self, of_pairs: Array) -> Array:
        """(views,) means over the pairs of each view of a value (pairs,) for each pair."""
        ends, count = self.pairs.ravel(), len(self.sets[0].views)
        return np.bincount(ends, np.repeat(of_pairs, 2), count) / np.maximum(np.bincount(ends, minlength=count), 1)

    def linearized(self, poses: Array) -> tuple[Array, Array]:
        """The residuals and their derivatives (pairs, sets times planes, 12), as in EpipolarImages."""
        residuals, slopes = zip(*(each.linearized(poses) for each in self.sets), strict=True)
        return self._beside(residuals), self._beside(slopes)

    def _beside(self, parts: Iterable[Array]) -> Array:
        return np.concatenate(list(parts), axis=1) / math.sqrt(len(self.sets))


def images_of(views: Sequence[View], tables: np.ndarray, center: Array, radius: float, planes: int) -> EpipolarImages:
    """Images whose changes count as one when they move the region by 1 mm; radius: that of the region, mm."""
    return EpipolarImages(tuple(views), tables, center, np.array([1 / radius] * 3 + [1.0] * 3), planes)


@part
def _plane_integral(table, camera, pose, nx, ny, nz):
    """The derivative of the integral over the plane with a world normal, looked up for one view."""
    cx = nx * pose[0, 0] + ny * pose[1, 0] + nz * pose[2, 0]
    cy = nx * pose[0, 1] + ny * pose[1, 1] + nz * pose[2, 1]
    cz = nx * pose[0, 2] + ny * pose[1, 2] + nz * pose[2, 2]
    lx = cx * camera[0] + cy * camera[3] + cz * camera[6]
    ly = cx * camera[1] + cy * camera[4] + cz * camera[7]
    lz = cx * camera[2] + cy * camera[5] + cz * camera[8]
    width, height = camera[9], camera[10]
    length = math.sqrt(lx * lx + ly * ly)
    if length == 0:
        return 0.0
    offset = -(lz + lx * (width - 1) / 2 + ly * (height - 1) / 2) / length
    angle, sign = math.atan2(ly, lx), 1.0
    if angle < 0:  # a half-turn reverses offset and derivative
        angle, sign = angle + math.pi, -1.0
    elif angle >= math.pi:
        angle, sign = angle - math.pi, -1.0
    radius = math.sqrt(width * width + height * height) / 2
    row = angle / math.pi * (table.shape[0] - 1)
    column = (sign * offset + radius) / (2 * radius) * (table.shape[1] - 1)
    return bilinear(table, row, column) * sign * (1 + cz * cz / (cx * cx + cy * cy))


@kernel
def _residuals(chunk, start, stop, tables, pairs, cameras, first, second, center, reach, out):
    """Fill out (variants, pairs, planes) for the pairs start to stop."""
    planes = out.shape[2]
    x, y = np.empty(planes), np.empty(planes)
    for p in range(start, stop):
        i, j = pairs[p, 0], pairs[p, 1]
        for v in range(out.shape[0]):
            one, other = first[v, i], second[v, j]
            bx, by, bz = other[0, 3] - one[0, 3], other[1, 3] - one[1, 3], other[2, 3] - one[2, 3]
            length = math.sqrt(bx * bx + by * by + bz * bz)
            bx, by, bz = bx / length, by / length, bz / length
            tx, ty, tz = center[0] - one[0, 3], center[1] - one[1, 3], center[2] - one[2, 3]
            along = tx * bx + ty * by + tz * bz
            tx, ty, tz = tx - along * bx, ty - along * by, tz - along * bz
            distance = math.sqrt(tx * tx + ty * ty + tz * tz)
            if distance <= MIN_BASELINE_OFFSET * reach:
                # With sources opposite each other all planes contain the point, and any direction will do.
                ax, ay, az = abs(bx), abs(by), abs(bz)
                tx, ty, tz = 0.0, 0.0, 0.0
                if ax <= ay and ax <= az:
                    tx = 1.0
                elif ay <= az:
                    ty = 1.0
                else:
                    tz = 1.0
                along = tx * bx + ty * by + tz * bz
                tx, ty, tz = tx - along * bx, ty - along * by, tz - along * bz
            norm = math.sqrt(tx * tx + ty * ty + tz * tz)
            tx, ty, tz = tx / norm, ty / norm, tz / norm
            mx, my, mz = by * tz - bz * ty, bz * tx - bx * tz, bx * ty - by * tx
            xx, yy = 0.0, 0.0
            for m in range(planes):
                depth = reach * (2.0 * m / (planes - 1) - 1)
                hypotenuse = math.sqrt(depth * depth + distance * distance)
                c, s = distance / hypotenuse, depth / hypotenuse
                nx, ny, nz = c * mx - s * tx, c * my - s * ty, c * mz - s * tz
                x[m] = _plane_integral(tables[i], cameras[i], one, nx, ny, nz)
                y[m] = _plane_integral(tables[j], cameras[j], other, nx, ny, nz)
                xx += x[m] * x[m]
                yy += y[m] * y[m]
            xx = 1 / math.sqrt(xx) if xx > 0 else 0.0
            yy = 1 / math.sqrt(yy) if yy > 0 else 0.0
            for m in range(planes):
                out[v, p, m] = x[m] * xx - y[m] * yy
