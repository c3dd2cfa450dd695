"""Rotations of quaternions, compiled for the CPU."""

from __future__ import annotations

import math
from typing import Any

import numba

from .lanes import MATH

_device = numba.njit(inline="always", cache=True, fastmath=MATH, error_model="numpy")


@_device
def rotation(q0: float, q1: float, q2: float, q3: float) -> Any:
    """The rotation matrix of a quaternion wxyz of any length, row by row."""
    s = 2.0 / (q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
    return (
        1 - s * (q2 * q2 + q3 * q3), s * (q1 * q2 - q0 * q3), s * (q1 * q3 + q0 * q2),
        s * (q1 * q2 + q0 * q3), 1 - s * (q1 * q1 + q3 * q3), s * (q2 * q3 - q0 * q1),
        s * (q1 * q3 - q0 * q2), s * (q2 * q3 + q0 * q1), 1 - s * (q1 * q1 + q2 * q2),
    )  # fmt: skip


@_device
def rotation_gradient(q0: float, q1: float, q2: float, q3: float, g: Any) -> Any:
    """The gradient in a quaternion of any length from that in its rotation matrix, row by row."""
    n = 1.0 / math.sqrt(q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
    w, x, y, z = q0 * n, q1 * n, q2 * n, q3 * n
    gw = 2 * (x * (g[7] - g[5]) + y * (g[2] - g[6]) + z * (g[3] - g[1]))
    gx = 2 * (y * (g[1] + g[3]) + z * (g[2] + g[6]) + w * (g[7] - g[5]) - 2 * x * (g[4] + g[8]))
    gy = 2 * (x * (g[1] + g[3]) + z * (g[5] + g[7]) + w * (g[2] - g[6]) - 2 * y * (g[0] + g[8]))
    gz = 2 * (x * (g[2] + g[6]) + y * (g[5] + g[7]) + w * (g[3] - g[1]) - 2 * z * (g[0] + g[4]))
    along = gw * w + gx * x + gy * y + gz * z
    return (gw - along * w) * n, (gx - along * x) * n, (gy - along * y) * n, (gz - along * z) * n
