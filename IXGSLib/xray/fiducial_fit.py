"""Least-squares fit of a metal ball's shadow to a patch of an X-ray, between the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares

from ..geometry.rigid import Array

REACH = 2.0
"""Radius of the fitted patch over that of the ball."""
PROFILE_STEP = 0.03
"""Distance of the samples of a profile, in radii of the ball."""
PROFILE_REACH = 3.5
"""Distance from the centre to which profiles are tabulated, in radii of the ball."""
BLURS = np.geomspace(0.04, 1.0, 20)
"""Blurs of the tabulated profiles: standard deviation of a Gaussian, in radii of the ball."""
EXPECTED_BLUR = 0.2
"""Blur from which a fit starts and to which it is drawn, in radii of the ball."""
PRIOR = 0.05
"""Weight of the expected logarithms of radius and blur and of the shape, relative to the norm of the patch."""
TOLERANCE = 1e-4
"""Relative change of the sum of squares, or of the parameters, at which a fit ends."""
MIN_NORM = 1e-9
"""Norm of a patch or of a shadow, in line integrals, below which it is taken as empty."""


@dataclass(frozen=True)
class BallFit:
    """A fitted shadow: centre (x, y) and radius in pixels, contrast in line integrals.

    energy: sum of squares of the shadow in the patch; residual: that of what is left. Both without the quadratic
    background. freedom: number of pixels less that of the background's terms.
    """

    x: float
    y: float
    radius: float
    contrast: float
    energy: float
    residual: float
    freedom: int


def fit_ball(values: np.ndarray, x: float, y: float, radius: float) -> BallFit | None:
    """The ball's shadow that fits best near a centre and a radius, all in pixels; None where there is no dense ball.

    values: line integrals (rows, columns). The shadow is a mixture of a dome, that of a ball which X-rays penetrate,
    and a disc, that of an opaque one, blurred by a Gaussian, on a quadratic background. Its amplitude is eliminated
    from the fit (variable projection: Golub and Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)), with the derivative of
    Kaufman, BIT 15, 49 (1975).
    """
    patch = _Patch.around(values, round(x), round(y), radius)
    if patch is None:
        return None
    start = np.array([x - round(x), y - round(y), 0.0, 0.0, 0.0])
    found = least_squares(patch.residuals, start, patch.derivatives, method="lm", ftol=TOLERANCE, xtol=TOLERANCE)
    return patch.fit(found.x)


@dataclass(frozen=True, eq=False)
class _Patch:
    """The pixels (n) around a blob, as offsets from its pixel (column, row), without their quadratic background.

    The parameters (5) of a fit are the offset of the centre in pixels, the logarithms of the radius and the blur over
    those expected, and the logit of the disc's part in the mixture.
    """

    column: int
    row: int
    radius: float
    dx: Array
    dy: Array
    background: Array
    values: Array
    norm: float

    @classmethod
    def around(cls, values: np.ndarray, column: int, row: int, radius: float) -> _Patch | None:
        """The patch of an image around a pixel; None where it is uniform or holds too few pixels."""
        half = int(np.ceil(REACH * radius))
        top, left = max(0, row - half), max(0, column - half)
        window = values[top : row + half + 1, left : column + half + 1]
        rows, columns = np.indices(window.shape)
        dy, dx = rows + float(top - row), columns + float(left - column)
        inside = np.hypot(dx, dy) <= REACH * radius + 0.5
        dx, dy, chosen = dx[inside], dy[inside], window[inside].astype(np.float64)
        terms = np.stack([np.ones_like(dx), dx, dy, dx * dx, dx * dy, dy * dy], axis=1)
        if len(chosen) < 2 * terms.shape[1]:
            return None
        background: Array = np.linalg.qr(terms)[0]
        chosen -= background @ (background.T @ chosen)
        norm = float(np.linalg.norm(chosen))
        return None if norm < MIN_NORM else cls(column, row, radius, dx, dy, background, chosen, norm)

    def residuals(self, parameters: Array) -> Array:
        """What the shadow leaves of the patch, over the norm of the patch, and the prior (n + 3)."""
        shadow = self._shadow(parameters)
        left = (self.values - self._amplitude(shadow) * shadow) / self.norm
        return np.concatenate([left, PRIOR * parameters[2:]])

    def derivatives(self, parameters: Array) -> Array:
        """(n + 3, 5): derivatives of the residuals."""
        shadow, slopes = self._shadow(parameters), self._without_background(self._slopes(parameters))
        unit = shadow / max(float(np.linalg.norm(shadow)), MIN_NORM)
        slopes -= np.outer(unit, unit @ slopes)
        prior = np.zeros((3, 5))
        prior[:, 2:] = PRIOR * np.eye(3)
        return np.concatenate([-self._amplitude(shadow) / self.norm * slopes, prior])

    def fit(self, parameters: Array) -> BallFit | None:
        """The fit with these parameters; None where the shadow is not denser than its surroundings."""
        shadow = self._shadow(parameters)
        amplitude = self._amplitude(shadow)
        if not amplitude > 0:
            return None
        energy = float((amplitude * shadow) @ (amplitude * shadow))
        residual = float(((self.values - amplitude * shadow) ** 2).sum())
        radius, blur, disc = self._read(parameters)
        contrast = amplitude * float(_mixture(_profiles(np.zeros(1), blur / radius)[0], disc)[0])
        x, y = self.column + parameters[0], self.row + parameters[1]
        freedom = len(self.values) - self.background.shape[1]
        return BallFit(float(x), float(y), radius, contrast, energy, residual, freedom)

    def _read(self, parameters: Array) -> tuple[float, float, float]:
        """Radius and blur in pixels, and the disc's part in the mixture; limited, so that no step overflows."""
        size, blur, logit = np.clip(parameters[2:], -3, 3)
        return self.radius * np.exp(size), EXPECTED_BLUR * self.radius * np.exp(blur), 1 / (1 + np.exp(-2 * logit))

    def _distances(self, parameters: Array) -> tuple[Array, Array, Array]:
        dx, dy = self.dx - parameters[0], self.dy - parameters[1]
        return dx, dy, np.maximum(np.hypot(dx, dy), 1e-9)

    def _shadow(self, parameters: Array) -> Array:
        radius, blur, disc = self._read(parameters)
        distance = self._distances(parameters)[2]
        return self._without_background(_mixture(_profiles(distance / radius, blur / radius)[0], disc))

    def _slopes(self, parameters: Array) -> Array:
        """(n, 5): derivatives of the shadow, before the background is removed."""
        radius, blur, disc = self._read(parameters)
        dx, dy, distance = self._distances(parameters)
        shapes, outward, blurred = _profiles(distance / radius, blur / radius)
        along, widened = _mixture(outward, disc), _mixture(blurred, disc)
        columns = (
            -along * dx / distance / radius,
            -along * dy / distance / radius,
            -along * distance / radius - widened,
            widened,
            2 * disc * (1 - disc) * (shapes[1] - shapes[0]),
        )
        return np.stack(columns, axis=1)

    def _amplitude(self, shadow: Array) -> float:
        return float(shadow @ self.values) / max(float(shadow @ shadow), MIN_NORM**2)

    def _without_background(self, columns: Array) -> Array:
        return columns - self.background @ (self.background.T @ columns)


def _mixture(shapes: Array, disc: float) -> Array:
    """The mixture of a dome and a disc (2, n)."""
    return (1 - disc) * shapes[0] + disc * shapes[1]


def _profiles(distance: Array, blur: float) -> tuple[Array, Array, Array]:
    """Dome and disc (2, n), their derivatives by distance and by the logarithm of the blur; both in radii."""
    place = np.clip(np.interp(np.log(blur), np.log(BLURS), np.arange(len(BLURS))), 0, len(BLURS) - 1)
    places = np.stack([np.full(len(distance), place), distance / PROFILE_STEP])
    values, outward, blurred = (
        np.stack([ndimage.map_coordinates(table, places, order=1, mode="nearest") for table in pair])
        for pair in _tables()
    )
    return values, outward, blurred


@lru_cache(maxsize=1)
def _tables() -> tuple[Array, Array, Array]:
    """Profiles (2, blurs, distances) of a dome and a disc of radius one, and their derivatives as in `_profiles`."""
    samples = round(PROFILE_REACH / PROFILE_STEP)
    axis = PROFILE_STEP * np.arange(-samples, samples + 1)
    depth = 1 - (axis[:, None] ** 2 + axis**2)
    # A disc whose edge is anti-aliased over one sample.
    shapes = (np.sqrt(np.maximum(depth, 0)), np.clip(0.5 + depth / (4 * PROFILE_STEP), 0, 1))
    profiles = [
        [ndimage.gaussian_filter(shape, blur / PROFILE_STEP, truncate=5)[samples, samples:] for blur in BLURS]
        for shape in shapes
    ]
    values = np.array(profiles)
    step = np.log(BLURS[1] / BLURS[0])
    return values, np.gradient(values, PROFILE_STEP, axis=2), np.gradient(values, step, axis=1)
