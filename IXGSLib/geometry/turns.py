"""Rotation vectors of single rotations, without the overhead of a library that handles many at once."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation

from .rigid import Array

MAX_ANGLE = 3.0
"""Radians beyond which the axis is found by SciPy: near a half turn R and its transpose are alike."""


def rotation(vector: Array) -> Array:
    """(3, 3) the rotation by a vector (3,) along its axis, radians (Rodrigues' formula)."""
    x, y, z = (float(each) for each in vector)
    square = x * x + y * y + z * z
    angle = math.sqrt(square)
    a = math.sin(angle) / angle if angle > 1e-6 else 1 - square / 6
    b = (1 - math.cos(angle)) / square if angle > 1e-4 else 0.5 - square / 24
    return np.array(
        [
            [1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y],
            [b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x],
            [b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y)],
        ]
    )


def rotation_vector(R: Array) -> Array:
    """(3,) the vector of a rotation (3, 3), radians: the inverse of `rotation`."""
    x, y, z = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]
    sine = 0.5 * math.sqrt(x * x + y * y + z * z)
    angle = math.atan2(sine, 0.5 * (R[0, 0] + R[1, 1] + R[2, 2] - 1))
    if angle > MAX_ANGLE:
        return Rotation.from_matrix(R).as_rotvec()
    half = 0.5 * angle / sine if sine > 1e-9 else 0.5
    return np.array([half * x, half * y, half * z])
