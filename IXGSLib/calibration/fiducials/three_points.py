"""The pose of a camera from three points (P3P), for many triples at once."""

from __future__ import annotations

import numpy as np

from ...geometry.rigid import Array
from .phantom import frames

MIN_RATIO = 1e-3
"""Smallest ratio of two distances from the source that is considered."""
DOUBLE_ROOT = 1e-3
"""Distance, relative to the coefficients, within which two complex roots count as a double root."""


def three_point_poses(points: Array, directions: Array) -> tuple[Array, Array, np.ndarray]:
    """Rotations (m, 3, 3) and translations (m, 3) of camera_from_world, and the triple (m,) that each belongs to.

    points: (n, 3 points, 3) world mm, no triple on a line. directions: (n, 3, 3) unit rays in the camera's frame.
    A triple has up to four poses. Grunert's solution as in Haralick et al., IJCV 13, 331 (1994), equations 8 to 13.
    """
    a, b, c = (np.linalg.norm(points[:, i] - points[:, j], axis=1) for i, j in ((1, 2), (0, 2), (0, 1)))
    cosines = [(directions[:, i] * directions[:, j]).sum(axis=1) for i, j in ((1, 2), (0, 2), (0, 1))]
    ratios = _quartic_roots(*_coefficients(a, b, c, *cosines))
    alpha, beta, gamma = (cosine[:, None] for cosine in cosines)
    q = ((a**2 - c**2) / b**2)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        v = ratios
        u = ((q - 1) * v**2 - 2 * q * beta * v + 1 + q) / (2 * (gamma - v * alpha))
        first = b[:, None] / np.sqrt(1 + v**2 - 2 * v * beta)
        valid = (v > MIN_RATIO) & (u > MIN_RATIO) & np.isfinite(first * u)
    triple, root = np.nonzero(valid)
    depths = first[triple, root][:, None] * np.stack([np.ones(len(triple)), u[triple, root], v[triple, root]], axis=1)
    seen = depths[..., None] * directions[triple]
    rotation = frames(seen) @ frames(points[triple]).transpose(0, 2, 1)
    translation = seen.mean(axis=1) - np.einsum("nij,nj->ni", rotation, points[triple].mean(axis=1))
    return rotation, translation, triple


def _coefficients(
    a: Array, b: Array, c: Array, alpha: Array, beta: Array, gamma: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """The quartic in the ratio of the third to the first distance, the highest power first."""
    q, p = (a**2 - c**2) / b**2, (a**2 + c**2) / b**2
    r, s = c**2 / b**2, a**2 / b**2
    return (
        (q - 1) ** 2 - 4 * r * alpha**2,
        4 * (q * (1 - q) * beta - (1 - p) * alpha * gamma + 2 * r * alpha**2 * beta),
        2
        * (
            q**2
            - 1
            + 2 * q**2 * beta**2
            + 2 * (1 - r) * alpha**2
            - 4 * p * alpha * beta * gamma
            + 2 * (1 - s) * gamma**2
        ),
        4 * (-q * (1 + q) * beta + 2 * s * gamma**2 * beta - (1 - p) * alpha * gamma),
        (1 + q) ** 2 - 4 * s * gamma**2,
    )


def _quartic_roots(*coefficients: Array) -> Array:
    """(n, 4) the real roots of n quartics, nan in place of complex ones.

    Ferrari's solution, improved by Newton's method; a pair of complex roots that nearly meet counts as a double root.
    """
    lead = np.where(np.abs(coefficients[0]) < 1e-14, 1e-14, coefficients[0])
    b, c, d, e = (value / lead for value in coefficients[1:])
    p, q = c - 0.375 * b**2, b**3 / 8 - b * c / 2 + d
    r = -3 * b**4 / 256 + b**2 * c / 16 - b * d / 4 + e
    m = np.maximum(_largest_cubic_root(p, p**2 / 4 - r, -(q**2) / 8), 1e-18)
    root = np.sqrt(2 * m)
    found = []
    for sign in (1.0, -1.0):
        under = -(2 * p + 2 * m + sign * 2 * q / root)
        near = under >= -DOUBLE_ROOT * (np.abs(p) + np.abs(m) + 1e-12)
        width = np.where(near, np.sqrt(np.maximum(under, 0)), np.nan)
        found += [(sign * root + width) / 2 - b / 4, (sign * root - width) / 2 - b / 4]
    x = np.stack(found, axis=1)
    b, c, d, e = (value[:, None] for value in (b, c, d, e))
    for _ in range(3):
        slope = ((4 * x + 3 * b) * x + 2 * c) * x + d
        step = ((((x + b) * x + c) * x + d) * x + e) / np.where(np.abs(slope) < 1e-12, np.inf, slope)
        x = x - np.clip(step, -0.01, 0.01)
    return x


def _largest_cubic_root(b: Array, c: Array, d: Array) -> Array:
    """(n,) the largest real root of n cubics x^3 + b x^2 + c x + d."""
    p, q = c - b**2 / 3, 2 * b**3 / 27 - b * c / 3 + d
    inner = q**2 / 4 + p**3 / 27
    root = np.sqrt(np.maximum(inner, 0))
    single = np.cbrt(-q / 2 + root) + np.cbrt(-q / 2 - root)
    size = np.sqrt(np.maximum(-p / 3, 0))
    angle = np.arccos(np.clip(-q / 2 / np.maximum(size**3, 1e-300), -1, 1)) / 3
    return np.where(inner > 0, single, 2 * size * np.cos(angle)) - b / 3
