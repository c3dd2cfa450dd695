"""A model of the body around a region of soft tissue, whose outline truncated X-rays do not show.

Without it, attenuation beyond the detector is spread along each ray, which leaves a slope in the region. CTs with a
field of view that is too small are extended by cylinders of water (J. Hsieh et al., Medical Physics 31, 2385, 2004);
here the path lengths of rays through an elliptical cylinder, over all poses and the width of each X-ray, determine its
size and place.
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

MAX_RELATIVE_MISFIT = 0.5
"""Largest root mean square misfit of a body model, as a share of the mean line integral."""
MIN_REGION_SHARE = 0.5
"""Smallest share of the region that a body model has to contain."""
RAYS_PER_SIDE = 16
"""Rays along the shorter side of an X-ray; a smooth outline needs no more."""
MISFIT_SCALE_MM = 10.0
"""Millimetres of soft tissue by which gas and bone change path lengths; larger misfits are weighted down."""


@dataclass(frozen=True)
class BodyModel:
    """An infinite elliptical cylinder of soft tissue.

    attenuation: 1/mm. center: (3,) a point on its axis, LPS mm. across: (2, 3) directions of the semi-axes of its cross
    section, divided by their lengths in mm.
    """

    attenuation: float
    center: Sequence[float]
    across: Sequence[Sequence[float]]

    def values(self, grid: Grid) -> np.ndarray:
        """Attenuation [k, j, i] on a grid, float32 1/mm."""
        place = self._place(grid.points() - np.asarray(self.center))
        return np.where(np.square(place).sum(axis=-1) < 1, self.attenuation, 0).astype(np.float32)

    def path_lengths(self, origins: ArrayLike, directions: ArrayLike) -> Array:
        """Lengths (...) in mm inside the cylinder of lines through origins (..., 3) along unit directions (..., 3)."""
        origin, direction = self._place(np.asarray(origins) - np.asarray(self.center)), self._place(directions)
        square = np.maximum(np.square(direction).sum(axis=-1), np.finfo(np.float64).tiny)
        half = (origin * direction).sum(axis=-1)
        return 2 * np.sqrt(np.maximum(half**2 - square * (np.square(origin).sum(axis=-1) - 1), 0)) / square

    def _place(self, offsets: ArrayLike) -> Array:
        """Offsets from the centre (..., 3) in units of the semi-axes (..., 2)."""
        return np.asarray(offsets) @ np.asarray(self.across).T


def fit_body_model(xrays: Sequence[XRay], region: Grid, attenuation: float) -> BodyModel | None:
    """The body model of an attenuation in 1/mm whose line integrals fit the X-rays best.

    Its axis is the direction along which the views look least, up to a tilt. None if no model fits well, or if the best
    one contains less than half of the region.
    """
    small = [reduced(xray, min(xray.view.size) // RAYS_PER_SIDE) for xray in xrays]
    rays = [xray.view.ray(np.argwhere(xray.mask)[:, ::-1]) for xray in small]
    origins = np.concatenate([np.broadcast_to(source, ends.shape) for source, ends in rays])
    directions = np.concatenate([ends for _, ends in rays])
    lengths = np.concatenate([xray.image[xray.mask] for xray in small]) / attenuation
    if not lengths.size or not lengths.mean() > 0:
        return None
    frame, log_radius = _frame([xray.view for xray in xrays]), np.log(lengths.mean() / 2)

    def model(numbers: Array) -> BodyModel:
        return _model(numbers, region.center, frame, attenuation)

    def misfit(numbers: Array) -> Array:
        return model(numbers).path_lengths(origins, directions) - lengths

    # Not a circle at first, or the derivative with respect to the rotation of the cross section would vanish.
    start = np.array([0, 0, log_radius + 0.1, log_radius - 0.1, 0, 0, 0])
    numbers = least_squares(misfit, start, loss="soft_l1", f_scale=MISFIT_SCALE_MM).x
    body, error = model(numbers), np.sqrt(np.square(misfit(numbers)).mean())
    contained = np.mean(body.values(region) > 0)
    return body if error <= MAX_RELATIVE_MISFIT * lengths.mean() and contained >= MIN_REGION_SHARE else None


def _model(numbers: Array, near: ArrayLike, frame: Array, attenuation: float) -> BodyModel:
    """The model from shifts (2) along the first rows of the frame, logarithms of the semi-axes (2), a rotation and two
    tilts."""
    shift, radii, turn, tilts = numbers[:2], np.exp(numbers[2:4]), numbers[4], numbers[5:]
    along = _unit(frame[2] + tilts @ frame[:2])
    first = np.cos(turn) * frame[0] + np.sin(turn) * frame[1]
    first = _unit(first - (first @ along) * along)
    across = np.stack([first, np.cross(along, first)]) / radii[:, None]
    return BodyModel(attenuation, tuple(np.asarray(near) + shift @ frame[:2]), tuple(map(tuple, across)))


def _frame(views: Sequence[View]) -> Array:
    """(3, 3) orthonormal rows, from the direction in which the views look most to that in which they look least."""
    axes = np.array([view.axis for view in views])
    return np.linalg.eigh(axes.T @ axes)[1].T[::-1]


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)
