"""Projecting a cloud: footprints, their image, and the way back from its gradient; compiled for the CPU.

The formulas are those of `reference`; the derivatives are theirs, written out.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from .lanes import MATH, WIDTH, kernel
from .reference import CUTOFF, NEAREST_DEPTH, PIXEL_VARIANCE
from .quaternion import rotation, rotation_gradient
from .splat import clipped, draw, moments

PARAMETERS = 8
"""Columns of a footprint: mean u, v; conic A, B, C; peak; reach in u, v (negative when it is not drawn)."""

_device = numba.njit(inline="always", cache=True, fastmath=MATH, error_model="numpy")
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


@_device
def transform(E: np.ndarray, x: float, y: float, z: float) -> Any:
    """E (3, 4) applied to a point."""
    return (
        E[0, 0] * x + E[0, 1] * y + E[0, 2] * z + E[0, 3],
        E[1, 0] * x + E[1, 1] * y + E[1, 2] * z + E[1, 3],
        E[2, 0] * x + E[2, 1] * y + E[2, 2] * z + E[2, 3],
    )


@_device
def rotate(E: np.ndarray, R: Any) -> Any:
    """The rotation part of E (3, 4) times R, row by row."""
    return (
        E[0, 0] * R[0] + E[0, 1] * R[3] + E[0, 2] * R[6],
        E[0, 0] * R[1] + E[0, 1] * R[4] + E[0, 2] * R[7],
        E[0, 0] * R[2] + E[0, 1] * R[5] + E[0, 2] * R[8],
        E[1, 0] * R[0] + E[1, 1] * R[3] + E[1, 2] * R[6],
        E[1, 0] * R[1] + E[1, 1] * R[4] + E[1, 2] * R[7],
        E[1, 0] * R[2] + E[1, 1] * R[5] + E[1, 2] * R[8],
        E[2, 0] * R[0] + E[2, 1] * R[3] + E[2, 2] * R[6],
        E[2, 0] * R[1] + E[2, 1] * R[4] + E[2, 2] * R[7],
        E[2, 0] * R[2] + E[2, 1] * R[5] + E[2, 2] * R[8],
    )


@kernel
def footprints(chunk, start, stop, position, scale, quaternion, density, K, E, width, height, out):  # noqa: PLR0913
    """Fill out (N, PARAMETERS) for the Gaussians start to stop; K (3, 3), E camera_from_world (3, 4)."""
    fx, skew, cx, fy, cy = K[0, 0], K[0, 1], K[0, 2], K[1, 1], K[1, 2]
    for i in range(start, stop):
        out[i, 6] = -1.0
        out[i, 7] = -1.0
        tx, ty, tz = transform(E, np.float64(position[i, 0]), np.float64(position[i, 1]), np.float64(position[i, 2]))
        if tz <= NEAREST_DEPTH:
            continue
        near = 1.0 / tz
        ax, ay = (fx * tx + skew * ty) * near, fy * ty * near
        u, v = ax + cx, ay + cy
        s0, s1, s2 = np.float64(scale[i, 0]), np.float64(scale[i, 1]), np.float64(scale[i, 2])
        R = rotation(
            np.float64(quaternion[i, 0]),
            np.float64(quaternion[i, 1]),
            np.float64(quaternion[i, 2]),
            np.float64(quaternion[i, 3]),
        )
        C = rotate(E, R)
        t00 = (fx * C[0] + skew * C[3] - ax * C[6]) * near * s0
        t01 = (fx * C[1] + skew * C[4] - ax * C[7]) * near * s1
        t02 = (fx * C[2] + skew * C[5] - ax * C[8]) * near * s2
        t10 = (fy * C[3] - ay * C[6]) * near * s0
        t11 = (fy * C[4] - ay * C[7]) * near * s1
        t12 = (fy * C[5] - ay * C[8]) * near * s2
        a = t00 * t00 + t01 * t01 + t02 * t02 + PIXEL_VARIANCE
        b = t00 * t10 + t01 * t11 + t02 * t12
        c = t10 * t10 + t11 * t11 + t12 * t12 + PIXEL_VARIANCE
        ru, rv = CUTOFF * math.sqrt(a), CUTOFF * math.sqrt(c)
        if u + ru < 0 or v + rv < 0 or u - ru > width - 1 or v - rv > height - 1:
            continue
        det = a * c - b * b
        magnification = fx * fy * math.sqrt(tx * tx + ty * ty + tz * tz) * near * near * near
        out[i, 0] = u
        out[i, 1] = v
        out[i, 2] = c / det
        out[i, 3] = -b / det
        out[i, 4] = a / det
        out[i, 5] = np.float64(density[i]) * _ROOT_TWO_PI * s0 * s1 * s2 * magnification / math.sqrt(det)
        out[i, 6] = ru
        out[i, 7] = rv


@kernel
def splat(chunk, start, stop, prints, images):
    """Add the footprints start to stop to images[chunk] (height, width + WIDTH)."""
    image = images[chunk]
    height, width = image.shape[0], image.shape[1] - WIDTH
    for i in range(start, stop):
        u, v, ru, rv = prints[i, 0], prints[i, 1], prints[i, 6], prints[i, 7]
        left, right = clipped(u, ru, width)
        top, bottom = clipped(v, rv, height)
        if ru >= 0 and left <= right and top <= bottom:
            box = (left, right, top, bottom)
            draw(image, u, v, prints[i, 2], prints[i, 3], prints[i, 4], prints[i, 5], box)


@kernel
def gather(chunk, start, stop, prints, image, sums):
    """Fill sums (N, 6): each footprint of peak one times image (height, width + WIDTH) times 1, x, y, xx, xy, yy."""
    height, width = image.shape[0], image.shape[1] - WIDTH
    for i in range(start, stop):
        u, v, ru, rv = prints[i, 0], prints[i, 1], prints[i, 6], prints[i, 7]
        left, right = clipped(u, ru, width)
        top, bottom = clipped(v, rv, height)
        for n in range(6):
            sums[i, n] = 0
        if ru >= 0 and left <= right and top <= bottom:
            box = (left, right, top, bottom)
            found = moments(image, u, v, prints[i, 2], prints[i, 3], prints[i, 4], box)
            sums[i, 0], sums[i, 1], sums[i, 2], sums[i, 3], sums[i, 4], sums[i, 5] = found


@kernel
def pull_back(chunk, start, stop, position, scale, quaternion, density, K, E, prints, sums, gradients, pose):  # noqa: PLR0913
    """Turn the six sums of each footprint into gradients of the Gaussian (N, 11) and of the pose (CHUNKS, 3, 4).

    sums: (N, 6) of g delta times 1, x, y, xx, xy, yy around the mean; g has peak one.
    gradients: columns position 0-2, scale 3-5, quaternion 6-9, density 10.
    """
    fx, skew, fy = K[0, 0], K[0, 1], K[1, 1]
    for i in range(start, stop):
        if prints[i, 6] < 0:
            for n in range(11):
                gradients[i, n] = 0.0
            continue
        x, y, z = np.float64(position[i, 0]), np.float64(position[i, 1]), np.float64(position[i, 2])
        tx, ty, tz = transform(E, x, y, z)
        near = 1.0 / tz
        ax, ay = (fx * tx + skew * ty) * near, fy * ty * near
        s0, s1, s2 = np.float64(scale[i, 0]), np.float64(scale[i, 1]), np.float64(scale[i, 2])
        q0, q1 = np.float64(quaternion[i, 0]), np.float64(quaternion[i, 1])
        q2, q3 = np.float64(quaternion[i, 2]), np.float64(quaternion[i, 3])
        R = rotation(q0, q1, q2, q3)
        C = rotate(E, R)
        # J's rows are (fx, skew, -ax) / tz and (0, fy, -ay) / tz; T = J C diag(s).
        h00 = (fx * C[0] + skew * C[3] - ax * C[6]) * near
        h01 = (fx * C[1] + skew * C[4] - ax * C[7]) * near
        h02 = (fx * C[2] + skew * C[5] - ax * C[8]) * near
        h10 = (fy * C[3] - ay * C[6]) * near
        h11 = (fy * C[4] - ay * C[7]) * near
        h12 = (fy * C[5] - ay * C[8]) * near

        a = (h00 * s0) ** 2 + (h01 * s1) ** 2 + (h02 * s2) ** 2 + PIXEL_VARIANCE
        b = h00 * h10 * s0 * s0 + h01 * h11 * s1 * s1 + h02 * h12 * s2 * s2
        c = (h10 * s0) ** 2 + (h11 * s1) ** 2 + (h12 * s2) ** 2 + PIXEL_VARIANCE
        det = a * c - b * b
        conic_a, conic_b, conic_c = c / det, -b / det, a / det
        squared = tx * tx + ty * ty + tz * tz
        unit = _ROOT_TWO_PI * s0 * s1 * s2 * fx * fy * math.sqrt(squared) * near * near * near / math.sqrt(det)
        peak = np.float64(density[i]) * unit
        m, mx, my = np.float64(sums[i, 0]), np.float64(sums[i, 1]), np.float64(sums[i, 2])
        mxx, mxy, myy = np.float64(sums[i, 3]), np.float64(sums[i, 4]), np.float64(sums[i, 5])
        total = peak * m
        gu = peak * (conic_a * mx + conic_b * my)
        gv = peak * (conic_b * mx + conic_c * my)
        # In the covariance S: half of conic (moments - S0 S) conic, the second term from the peak's 1 / sqrt(det).
        vx, vy = conic_a * mxx + conic_b * mxy, conic_a * mxy + conic_b * myy
        wx, wy = conic_b * mxx + conic_c * mxy, conic_b * mxy + conic_c * myy
        g00 = peak * (vx * conic_a + vy * conic_b) - total * conic_a
        g01 = peak * (vx * conic_b + vy * conic_c) - total * conic_b
        g11 = peak * (wx * conic_b + wy * conic_c) - total * conic_c

        d00, d01, d02 = (g00 * h00 + g01 * h10) * s0, (g00 * h01 + g01 * h11) * s1, (g00 * h02 + g01 * h12) * s2
        d10, d11, d12 = (g01 * h00 + g11 * h10) * s0, (g01 * h01 + g11 * h11) * s1, (g01 * h02 + g11 * h12) * s2
        gradients[i, 3] = d00 * h00 + d10 * h10 + total / s0
        gradients[i, 4] = d01 * h01 + d11 * h11 + total / s1
        gradients[i, 5] = d02 * h02 + d12 * h12 + total / s2
        # From here d is the gradient in J C.
        d00, d01, d02, d10, d11, d12 = d00 * s0, d01 * s1, d02 * s2, d10 * s0, d11 * s1, d12 * s2
        c00, c01, c02 = fx * near * d00, fx * near * d01, fx * near * d02
        c10, c11, c12 = (skew * d00 + fy * d10) * near, (skew * d01 + fy * d11) * near, (skew * d02 + fy * d12) * near
        c20, c21, c22 = (ax * d00 + ay * d10) * -near, (ax * d01 + ay * d11) * -near, (ax * d02 + ay * d12) * -near
        gR = (
            E[0, 0] * c00 + E[1, 0] * c10 + E[2, 0] * c20,
            E[0, 0] * c01 + E[1, 0] * c11 + E[2, 0] * c21,
            E[0, 0] * c02 + E[1, 0] * c12 + E[2, 0] * c22,
            E[0, 1] * c00 + E[1, 1] * c10 + E[2, 1] * c20,
            E[0, 1] * c01 + E[1, 1] * c11 + E[2, 1] * c21,
            E[0, 1] * c02 + E[1, 1] * c12 + E[2, 1] * c22,
            E[0, 2] * c00 + E[1, 2] * c10 + E[2, 2] * c20,
            E[0, 2] * c01 + E[1, 2] * c11 + E[2, 2] * c21,
            E[0, 2] * c02 + E[1, 2] * c12 + E[2, 2] * c22,
        )
        gradients[i, 6], gradients[i, 7], gradients[i, 8], gradients[i, 9] = rotation_gradient(q0, q1, q2, q3, gR)
        gradients[i, 10] = unit * m

        # J depends on the camera point through 1 / tz, ax and ay.
        j00 = d00 * C[0] + d01 * C[1] + d02 * C[2]
        j01 = d00 * C[3] + d01 * C[4] + d02 * C[5]
        j02 = d00 * C[6] + d01 * C[7] + d02 * C[8]
        j11 = d10 * C[3] + d11 * C[4] + d12 * C[5]
        j12 = d10 * C[6] + d11 * C[7] + d12 * C[8]
        gax, gay = gu - j02 * near, gv - j12 * near
        distance = total / squared
        gx = gax * fx * near + distance * tx
        gy = (gax * skew + gay * fy) * near + distance * ty
        inner = fx * j00 + skew * j01 - ax * j02 + fy * j11 - ay * j12
        gz = (-inner * near - gax * ax - gay * ay - 3 * total) * near + distance * tz
        gradients[i, 0] = E[0, 0] * gx + E[1, 0] * gy + E[2, 0] * gz
        gradients[i, 1] = E[0, 1] * gx + E[1, 1] * gy + E[2, 1] * gz
        gradients[i, 2] = E[0, 2] * gx + E[1, 2] * gy + E[2, 2] * gz
        pose[chunk, 0, 0] += gx * x + c00 * R[0] + c01 * R[1] + c02 * R[2]
        pose[chunk, 0, 1] += gx * y + c00 * R[3] + c01 * R[4] + c02 * R[5]
        pose[chunk, 0, 2] += gx * z + c00 * R[6] + c01 * R[7] + c02 * R[8]
        pose[chunk, 1, 0] += gy * x + c10 * R[0] + c11 * R[1] + c12 * R[2]
        pose[chunk, 1, 1] += gy * y + c10 * R[3] + c11 * R[4] + c12 * R[5]
        pose[chunk, 1, 2] += gy * z + c10 * R[6] + c11 * R[7] + c12 * R[8]
        pose[chunk, 2, 0] += gz * x + c20 * R[0] + c21 * R[1] + c22 * R[2]
        pose[chunk, 2, 1] += gz * y + c20 * R[3] + c21 * R[4] + c22 * R[5]
        pose[chunk, 2, 2] += gz * z + c20 * R[6] + c21 * R[7] + c22 * R[8]
        pose[chunk, 0, 3] += gx
        pose[chunk, 1, 3] += gy
        pose[chunk, 2, 3] += gz
