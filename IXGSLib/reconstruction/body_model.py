"""The trunk around a region of soft tissue, of which truncated X-rays show no outline.

Without one, what lies beyond the detector is shared out over all that a ray crosses, and a slope runs through the
region. CTs whose field of view is too small are extended by cylinders of water (J. Hsieh et al., Medical Physics 31,
2385, 2004); here how far the rays run in the cylinder, at all poses and over the width of each X-ray, tells its size
and place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from ..geometry import Grid, View
from ..geometry.rigid import Array
from ..xray import XRay
from ..xray.reduction import reduced

LIKE_A_TRUNK = 0.5
"""Share of the mean line integral up to which a trunk may leave X-rays unexplained, root mean square."""
HELD = 0.5
"""Share of the region that a trunk has to hold."""
SAMPLES = 16
"""Rays along each side of an X-ray, of which a smooth outline needs few."""
ORGANS = 10.0
"""Millimetres of soft tissue by which gas and bone make rays differ; rays that differ by more count less."""


@dataclass(frozen=True)
class Trunk:
    """An elliptic cylinder of soft tissue without ends.

    attenuation: 1/mm. center: (3,) a point of its axis, LPS mm. across: (2, 3) directions of the half axes of its cross
    section, divided by their lengths in mm.
    """

    attenuation: float
    center: Sequence[float]
    across: Sequence[Sequence[float]]

    def values(self, grid: Grid) -> np.ndarray:
        """Attenuation [k, j, i] on a grid, float32 1/mm."""
        place = self._place(grid.points() - np.asarray(self.center))
        return np.where(np.square(place).sum(axis=-1) < 1, self.attenuation, 0).astype(np.float32)

    def chords(self, origins: ArrayLike, directions: ArrayLike) -> Array:
        """Millimetres (...) in it of the lines through origins (..., 3) along unit directions (..., 3)."""
        origin, direction = self._place(np.asarray(origins) - np.asarray(self.center)), self._place(directions)
        square = np.maximum(np.square(direction).sum(axis=-1), np.finfo(np.float64).tiny)
        half = (origin * direction).sum(axis=-1)
        return 2 * np.sqrt(np.maximum(half**2 - square * (np.square(origin).sum(axis=-1) - 1), 0)) / square

    def _place(self, offsets: ArrayLike) -> Array:
        """Offsets from the centre (..., 3) in units of the half axes (..., 2)."""
        return np.asarray(offsets) @ np.asarray(self.across).T


def fitted_trunk(xrays: Sequence[XRay], region: Grid, attenuation: float) -> Trunk | None:
    """The trunk of an attenuation in 1/mm whose line integrals come closest to the X-rays.

    Its axis is the direction that the views look along least, give or take a tilt. None when none comes close, or when
    it holds less than half of the region.
    """
    small = [reduced(xray, min(xray.view.size) // SAMPLES) for xray in xrays]
    rays = [xray.view.ray(np.argwhere(xray.mask)[:, ::-1]) for xray in small]
    origins = np.concatenate([np.broadcast_to(source, ends.shape) for source, ends in rays])
    directions = np.concatenate([ends for _, ends in rays])
    lengths = np.concatenate([xray.image[xray.mask] for xray in small]) / attenuation
    if not lengths.size or not lengths.mean() > 0:
        return None
    frame, wide = _frame([xray.view for xray in xrays]), np.log(lengths.mean() / 2)

    def trunk(numbers: Array) -> Trunk:
        return _trunk(numbers, region.center, frame, attenuation)

    def misfit(numbers: Array) -> Array:
        return trunk(numbers).chords(origins, directions) - lengths

    # Not round, or the turn of the cross section would make no difference.
    start = np.array([0, 0, wide + 0.1, wide - 0.1, 0, 0, 0])
    numbers = least_squares(misfit, start, loss="soft_l1", f_scale=ORGANS).x
    found, left = trunk(numbers), np.sqrt(np.square(misfit(numbers)).mean())
    holds = np.mean(found.values(region) > 0)
    return found if left <= LIKE_A_TRUNK * lengths.mean() and holds >= HELD else None


def _trunk(numbers: Array, near: ArrayLike, frame: Array, attenuation: float) -> Trunk:
    """From its shift (2) along the first rows of the frame, the logarithms of its half axes (2), turn and tilts (2)."""
    shift, radii, turn, tilts = numbers[:2], np.exp(numbers[2:4]), numbers[4], numbers[5:]
    along = _unit(frame[2] + tilts @ frame[:2])
    first = np.cos(turn) * frame[0] + np.sin(turn) * frame[1]
    first = _unit(first - (first @ along) * along)
    across = np.stack([first, np.cross(along, first)]) / radii[:, None]
    return Trunk(attenuation, tuple(np.asarray(near) + shift @ frame[:2]), tuple(map(tuple, across)))


def _frame(views: Sequence[View]) -> Array:
    """(3, 3) orthonormal rows, from the direction along which most views look to that along which fewest do."""
    axes = np.array([view.axis for view in views])
    return np.linalg.eigh(axes.T @ axes)[1].T[::-1]


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)
