"""Whether 12 numbers per view can be a projection matrix or detector vectors, which are both stored as (n, 12)."""

from __future__ import annotations

import numpy as np

from ...errors import GeometryError
from ...geometry import View
from ...geometry.rigid import Array

MAX_SKEW = 0.05
"""Largest skew of an X-ray camera, as a fraction of its focal length."""
MAX_ASPECT = 5.0
"""Largest ratio of the two sides of a pixel."""
MAX_FOCAL_SPREAD = 0.5
"""Largest standard deviation of the focal lengths of all views, as a fraction of their mean."""
MIN_PLAUSIBLE_SHARE = 0.9
"""Smallest share of the views that must be plausible."""
MAX_PIXEL_RATIO = 0.1
"""Largest side of a pixel, as a fraction of the distance from source to detector."""


def plausible_matrices(matrices: Array) -> bool:
    """Whether (n, 3, 4) numbers are X-ray cameras: nearly rectangular pixels and similar focal lengths."""
    focal = []
    for P in matrices:
        try:
            K = View.from_projection_matrix(P, (1, 1)).K
        except GeometryError:
            continue
        aspect = K[0, 0] / K[1, 1]
        if abs(K[0, 1]) <= MAX_SKEW * K[0, 0] and 1 / MAX_ASPECT <= aspect <= MAX_ASPECT and K[0, 0] > 1:
            focal.append(K[0, 0])
    if len(focal) < MIN_PLAUSIBLE_SHARE * len(matrices):
        return False
    return float(np.std(focal)) <= MAX_FOCAL_SPREAD * float(np.mean(focal))


def plausible_vectors(rows: Array) -> bool:
    """Whether (n, 12) numbers are source, detector centre, u and v: u and v are orthogonal and of constant length."""
    if not len(rows):
        return False
    source, center, u, v = rows.reshape(-1, 4, 3).transpose(1, 0, 2)
    beam = center - source
    lengths = np.linalg.norm([u, v, beam], axis=2)
    if lengths.min() == 0:
        return False
    right_angles = np.abs((u * v).sum(axis=1)) <= MAX_SKEW * lengths[0] * lengths[1]
    facing = np.abs((np.cross(u, v) * beam).sum(axis=1)) >= 0.3 * lengths.prod(axis=0)
    small = lengths[:2].max(axis=0) <= MAX_PIXEL_RATIO * lengths[2]
    alike = (lengths[0] <= MAX_ASPECT * lengths[1]) & (lengths[1] <= MAX_ASPECT * lengths[0])
    constant = (np.std(lengths[:2], axis=1) <= 0.1 * np.mean(lengths[:2], axis=1)).all()
    return bool(constant) and float((right_angles & facing & small & alike).mean()) >= MIN_PLAUSIBLE_SHARE
