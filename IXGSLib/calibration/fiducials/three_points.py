"""The pose of a camera from three points (P3P), for many triples at once."""

from __future__ import annotations

import numpy as np

from ...geometry.rigid import Array
from .phantom import frames

MIN_RATIO = 1e-3
"""Smallest ratio of two distances from the source that is considered."""


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
        v = ratios.real
        u = ((q - 1) * v**2 - 2 * q * beta * v + 1 + q) / (2 * (gamma - v * alpha))
        first = b[:, None] / np.sqrt(1 + v**2 - 2 * v * beta)
        valid = (np.abs(ratios.imag) < 1e-3 * np.abs(v)) & (v > MIN_RATIO) & (u > MIN_RATIO) & np.isfinite(first * u)
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


def _quartic_roots(*coefficients: Array) -> np.ndarray:
    """(n, 4) complex roots of n quartics, by the eigenvalues of their companion matrices."""
    lead = np.where(np.abs(coefficients[0]) < 1e-14, 1e-14, coefficients[0])
    companion = np.zeros((len(lead), 4, 4))
    companion[:, 0] = -np.stack([value / lead for value in coefficients[1:]], axis=1)
    companion[:, [1, 2, 3], [0, 1, 2]] = 1
    return np.linalg.eigvals(companion)
