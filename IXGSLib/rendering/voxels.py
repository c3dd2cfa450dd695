"""Voxelizing a cloud, and the way back from a gradient on the voxels; compiled for the CPU.

A slice through a 3D Gaussian is a 2D Gaussian, so every slice is drawn like an image.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from ..geometry import Grid
from ..geometry.rigid import Array
from .lanes import MATH, WIDTH, kernel
from .quaternion import rotation, rotation_gradient
from .reference import CUTOFF, PIXEL_VARIANCE
from .splat import FAINTEST, clipped, draw, moments

PARAMETERS = 15
"""Columns of a blob: mean x, y, z; conic A, B, C of a slice; its shift in x, y per z; precision along z of the peaks;
peak; reach in x, y, z (negative when it is not drawn); reach in x, y within a slice."""

_device = numba.njit(inline="always", cache=True, fastmath=MATH, error_model="numpy")


def index_from_world(grid: Grid) -> Array:
    """(3, 4) voxel indices (i, j, k) from LPS mm."""
    return np.ascontiguousarray(np.linalg.inv(grid.world_from_index)[:3])


@_device
def _axes(F: np.ndarray, R: Any, s0: float, s1: float, s2: float) -> Any:
    """F's 3x3 part times R diag(s), row by row: the Gaussian's axes in voxels."""
    return (
        (F[0, 0] * R[0] + F[0, 1] * R[3] + F[0, 2] * R[6]) * s0,
        (F[0, 0] * R[1] + F[0, 1] * R[4] + F[0, 2] * R[7]) * s1,
        (F[0, 0] * R[2] + F[0, 1] * R[5] + F[0, 2] * R[8]) * s2,
        (F[1, 0] * R[0] + F[1, 1] * R[3] + F[1, 2] * R[6]) * s0,
        (F[1, 0] * R[1] + F[1, 1] * R[4] + F[1, 2] * R[7]) * s1,
        (F[1, 0] * R[2] + F[1, 1] * R[5] + F[1, 2] * R[8]) * s2,
        (F[2, 0] * R[0] + F[2, 1] * R[3] + F[2, 2] * R[6]) * s0,
        (F[2, 0] * R[1] + F[2, 1] * R[4] + F[2, 2] * R[7]) * s1,
        (F[2, 0] * R[2] + F[2, 1] * R[5] + F[2, 2] * R[8]) * s2,
    )


@_device
def _covariance(M: Any) -> Any:
    """xx, xy, xz, yy, yz, zz of M M^T plus the voxel's own extent."""
    return (
        M[0] * M[0] + M[1] * M[1] + M[2] * M[2] + PIXEL_VARIANCE,
        M[0] * M[3] + M[1] * M[4] + M[2] * M[5],
        M[0] * M[6] + M[1] * M[7] + M[2] * M[8],
        M[3] * M[3] + M[4] * M[4] + M[5] * M[5] + PIXEL_VARIANCE,
        M[3] * M[6] + M[4] * M[7] + M[5] * M[8],
        M[6] * M[6] + M[7] * M[7] + M[8] * M[8] + PIXEL_VARIANCE,
    )


@_device
def _precision(S: Any) -> Any:
    """xx, xy, xz, yy, yz, zz of the inverse of a symmetric matrix, and its determinant."""
    xx, xy, xz = S[3] * S[5] - S[4] * S[4], S[2] * S[4] - S[1] * S[5], S[1] * S[4] - S[2] * S[3]
    det = S[0] * xx + S[1] * xy + S[2] * xz
    yy, yz, zz = S[0] * S[5] - S[2] * S[2], S[1] * S[2] - S[0] * S[4], S[0] * S[3] - S[1] * S[1]
    return xx / det, xy / det, xz / det, yy / det, yz / det, zz / det, det


@kernel
def blobs(chunk, start, stop, position, scale, quaternion, density, F, voxel_volume, shape, out):
    """Fill out (N, PARAMETERS) for the Gaussians start to stop; F: index_from_world, shape (nk, nj, ni)."""
    for i in range(start, stop):
        out[i, 10] = -1
        x, y, z = np.float64(position[i, 0]), np.float64(position[i, 1]), np.float64(position[i, 2])
        u = F[0, 0] * x + F[0, 1] * y + F[0, 2] * z + F[0, 3]
        v = F[1, 0] * x + F[1, 1] * y + F[1, 2] * z + F[1, 3]
        w = F[2, 0] * x + F[2, 1] * y + F[2, 2] * z + F[2, 3]
        s0, s1, s2 = np.float64(scale[i, 0]), np.float64(scale[i, 1]), np.float64(scale[i, 2])
        q0, q1 = np.float64(quaternion[i, 0]), np.float64(quaternion[i, 1])
        q2, q3 = np.float64(quaternion[i, 2]), np.float64(quaternion[i, 3])
        S = _covariance(_axes(F, rotation(q0, q1, q2, q3), s0, s1, s2))
        ru, rv, rw = CUTOFF * math.sqrt(S[0]), CUTOFF * math.sqrt(S[3]), CUTOFF * math.sqrt(S[5])
        if u + ru < 0 or v + rv < 0 or w + rw < 0:
            continue
        if u - ru > shape[2] - 1 or v - rv > shape[1] - 1 or w - rw > shape[0] - 1:
            continue
        P = _precision(S)
        # A slice at height z is the Gaussian of x, y given z: its mean moves along the regression line.
        out[i, 0], out[i, 1], out[i, 2] = u, v, w
        out[i, 3], out[i, 4], out[i, 5] = P[0], P[1], P[3]
        out[i, 6], out[i, 7], out[i, 8] = S[2] / S[5], S[4] / S[5], 1 / S[5]
        out[i, 9] = np.float64(density[i]) * s0 * s1 * s2 / voxel_volume / math.sqrt(P[6])
        out[i, 10], out[i, 11], out[i, 12] = ru, rv, rw
        out[i, 13] = math.sqrt(2 * FAINTEST * (S[0] - S[2] * S[2] / S[5]))
        out[i, 14] = math.sqrt(2 * FAINTEST * (S[3] - S[4] * S[4] / S[5]))


@kernel
def _box(blob, u, v, width, height):
    """The pixels of a slice with mean (u, v) that lie in the blob's box and are brighter than FAINTEST."""
    left, right = clipped(blob[0], blob[10], width)
    top, bottom = clipped(blob[1], blob[11], height)
    first, last = clipped(u, blob[13], width)
    left, right = max(left, first), min(right, last)
    first, last = clipped(v, blob[14], height)
    return left, right, max(top, first), min(bottom, last)


@kernel
def fill(chunk, start, stop, blobs, values):
    """Add every blob to the slices start to stop of values (nk, nj, ni + WIDTH)."""
    height, width = values.shape[1], values.shape[2] - WIDTH
    for i in range(len(blobs)):
        blob = blobs[i]
        if blob[10] < 0:
            continue
        first, last = clipped(blob[2], blob[12], values.shape[0])
        for k in range(max(first, start), min(last, stop - 1) + 1):
            dz = np.float32(k) - blob[2]
            u, v = blob[0] + blob[6] * dz, blob[1] + blob[7] * dz
            box = _box(blob, u, v, width, height)
            if box[0] <= box[1] and box[2] <= box[3]:
                peak = blob[9] * math.exp(np.float32(-0.5) * blob[8] * dz * dz)
                draw(values[k], u, v, blob[3], blob[4], blob[5], peak, box)


@kernel
def _moments(blob, values):
    """The ten sums of a blob of peak one times values: 1, x, y, z, xx, xy, xz, yy, yz, zz around its mean."""
    m, mx, my, mz, mxx, mxy, mxz, myy, myz, mzz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    height, width = values.shape[1], values.shape[2] - WIDTH
    first, last = clipped(blob[2], blob[12], values.shape[0])
    for k in range(first, last + 1):
        dz = np.float32(k) - blob[2]
        a, b = blob[6] * dz, blob[7] * dz
        u, v = blob[0] + a, blob[1] + b
        box = _box(blob, u, v, width, height)
        if box[0] > box[1] or box[2] > box[3]:
            continue
        g = math.exp(np.float32(-0.5) * blob[8] * dz * dz)
        s, sx, sy, sxx, sxy, syy = moments(values[k], u, v, blob[3], blob[4], blob[5], box)
        s, sx, sy, sxx, sxy, syy = g * s, g * sx, g * sy, g * sxx, g * sxy, g * syy
        m += s
        mz += dz * s
        mzz += dz * dz * s
        mx += sx + a * s
        my += sy + b * s
        mxz += dz * (sx + a * s)
        myz += dz * (sy + b * s)
        mxx += sxx + 2 * a * sx + a * a * s
        mxy += sxy + a * sy + b * sx + a * b * s
        myy += syy + 2 * b * sy + b * b * s
    return m, mx, my, mz, mxx, mxy, mxz, myy, myz, mzz


@_device
def _product(A: Any, B: Any) -> Any:
    """The product of two symmetric 3x3 matrices given as xx, xy, xz, yy, yz, zz, row by row."""
    return (
        A[0] * B[0] + A[1] * B[1] + A[2] * B[2],
        A[0] * B[1] + A[1] * B[3] + A[2] * B[4],
        A[0] * B[2] + A[1] * B[4] + A[2] * B[5],
        A[1] * B[0] + A[3] * B[1] + A[4] * B[2],
        A[1] * B[1] + A[3] * B[3] + A[4] * B[4],
        A[1] * B[2] + A[3] * B[4] + A[4] * B[5],
        A[2] * B[0] + A[4] * B[1] + A[5] * B[2],
        A[2] * B[1] + A[4] * B[3] + A[5] * B[4],
        A[2] * B[2] + A[4] * B[4] + A[5] * B[5],
    )


@_device
def _times(A: Any, B: Any) -> Any:
    """The product of two 3x3 matrices, row by row."""
    return (
        A[0] * B[0] + A[1] * B[3] + A[2] * B[6],
        A[0] * B[1] + A[1] * B[4] + A[2] * B[7],
        A[0] * B[2] + A[1] * B[5] + A[2] * B[8],
        A[3] * B[0] + A[4] * B[3] + A[5] * B[6],
        A[3] * B[1] + A[4] * B[4] + A[5] * B[7],
        A[3] * B[2] + A[4] * B[5] + A[5] * B[8],
        A[6] * B[0] + A[7] * B[3] + A[8] * B[6],
        A[6] * B[1] + A[7] * B[4] + A[8] * B[7],
        A[6] * B[2] + A[7] * B[5] + A[8] * B[8],
    )


@kernel
def pull_back(chunk, start, stop, position, scale, quaternion, density, F, voxel_volume, blobs, values, gradients):
    """Gradients (N, 11) of position 0-2, scale 3-5, quaternion 6-9, density 10 from those on values (nk, nj, ni + WIDTH)."""
    for i in range(start, stop):
        for n in range(11):
            gradients[i, n] = 0
        if blobs[i, 10] < 0:
            continue
        m, mx, my, mz, mxx, mxy, mxz, myy, myz, mzz = _moments(blobs[i], values)
        s0, s1, s2 = np.float64(scale[i, 0]), np.float64(scale[i, 1]), np.float64(scale[i, 2])
        q0, q1 = np.float64(quaternion[i, 0]), np.float64(quaternion[i, 1])
        q2, q3 = np.float64(quaternion[i, 2]), np.float64(quaternion[i, 3])
        R = rotation(q0, q1, q2, q3)
        M = _axes(F, R, s0, s1, s2)
        P = _precision(_covariance(M))
        unit = s0 * s1 * s2 / voxel_volume / math.sqrt(P[6])
        peak = np.float64(density[i]) * unit
        gradients[i, 10] = unit * m
        gu = peak * (P[0] * mx + P[1] * my + P[2] * mz)
        gv = peak * (P[1] * mx + P[3] * my + P[4] * mz)
        gw = peak * (P[2] * mx + P[4] * my + P[5] * mz)
        for n in range(3):
            gradients[i, n] = F[0, n] * gu + F[1, n] * gv + F[2, n] * gw
        # Half of P (moments - S0 S) P is the gradient in the covariance M M^T; twice it times M the one in M.
        H = _times(_product(P, (mxx, mxy, mxz, myy, myz, mzz)), (P[0], P[1], P[2], P[1], P[3], P[4], P[2], P[4], P[5]))
        G = (
            peak * (H[0] - m * P[0]), peak * (H[1] - m * P[1]), peak * (H[2] - m * P[2]),
            peak * (H[3] - m * P[1]), peak * (H[4] - m * P[3]), peak * (H[5] - m * P[4]),
            peak * (H[6] - m * P[2]), peak * (H[7] - m * P[4]), peak * (H[8] - m * P[5]),
        )  # fmt: skip
        D = _times(G, M)
        total = peak * m
        gradients[i, 3] = (D[0] * M[0] + D[3] * M[3] + D[6] * M[6] + total) / s0
        gradients[i, 4] = (D[1] * M[1] + D[4] * M[4] + D[7] * M[7] + total) / s1
        gradients[i, 5] = (D[2] * M[2] + D[5] * M[5] + D[8] * M[8] + total) / s2
        back = (F[0, 0], F[1, 0], F[2, 0], F[0, 1], F[1, 1], F[2, 1], F[0, 2], F[1, 2], F[2, 2])
        scaled = (
            D[0] * s0, D[1] * s1, D[2] * s2,
            D[3] * s0, D[4] * s1, D[5] * s2,
            D[6] * s0, D[7] * s1, D[8] * s2,
        )  # fmt: skip
        turned = rotation_gradient(q0, q1, q2, q3, _times(back, scaled))
        gradients[i, 6], gradients[i, 7], gradients[i, 8], gradients[i, 9] = turned
