"""Rotations of quaternions, compiled for the CPU."""

from __future__ import annotations

import math

from ..compute.lanes import inlined


@inlined
def rotation(q):
    """The rotation matrix, in row-major order, of a quaternion wxyz of any length > 0."""
    w, x, y, z = q
    s = 2.0 / (w * w + x * x + y * y + z * z)
    return (
        1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y),
        s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x),
        s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y),
    )  # fmt: skip


@inlined
def rotation_gradient(q, g):
    """The gradient with respect to a quaternion of any length > 0 from that to its rotation matrix, row by row."""
    n = 1.0 / math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    w, x, y, z = q[0] * n, q[1] * n, q[2] * n, q[3] * n
    gw = 2 * (x * (g[7] - g[5]) + y * (g[2] - g[6]) + z * (g[3] - g[1]))
    gx = 2 * (y * (g[1] + g[3]) + z * (g[2] + g[6]) + w * (g[7] - g[5]) - 2 * x * (g[4] + g[8]))
    gy = 2 * (x * (g[1] + g[3]) + z * (g[5] + g[7]) + w * (g[2] - g[6]) - 2 * y * (g[0] + g[8]))
    gz = 2 * (x * (g[2] + g[6]) + y * (g[5] + g[7]) + w * (g[3] - g[1]) - 2 * z * (g[0] + g[4]))
    # The rotation does not depend on the length of the quaternion, so the gradient has no component along it.
    along = gw * w + gx * x + gy * y + gz * z
    return (gw - along * w) * n, (gx - along * x) * n, (gy - along * y) * n, (gz - along * z) * n
