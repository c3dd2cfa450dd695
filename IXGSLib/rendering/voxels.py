"""Voxelizing a cloud, and the gradients of the Gaussians; compiled for the CPU.

A slice through a 3D Gaussian is a 2D Gaussian, so every slice is drawn like an image. A cloud is the tuple of its
arrays position, scale, rotation and density. F is index_from_world (3, 4).
"""

from __future__ import annotations

import math

import numpy as np

from ..compute.lanes import WIDTH, inlined, kernel, part
from ..geometry import Grid
from ..geometry.rigid import Array
from .matrix3 import applied, linear, moved, product, scaled, transposed, vector, vector4
from .quaternion import rotation, rotation_gradient
from .reference import CUTOFF, PIXEL_VARIANCE
from .splat import MAX_DRAWN_EXPONENT, clipped, draw, moments

COLUMNS = 15
"""Columns of a blob: mean x, y, z; A, slope, tail of its slices (see `splat`); their shift in x, y per z; precision
along z of their peaks; peak; radius in x, y, z (negative when it is not drawn); radius in x, y within a slice.

The peak of a blob that is not finite is NaN.
"""


def index_from_world(grid: Grid) -> Array:
    """(3, 4) voxel indices (i, j, k) from LPS mm."""
    return np.ascontiguousarray(np.linalg.inv(grid.world_from_index)[:3])


@inlined
def _covariance(M):
    """xx, xy, xz, yy, yz, zz of M M^T plus the variance of a voxel."""
    return (
        M[0] * M[0] + M[1] * M[1] + M[2] * M[2] + PIXEL_VARIANCE,
        M[0] * M[3] + M[1] * M[4] + M[2] * M[5],
        M[0] * M[6] + M[1] * M[7] + M[2] * M[8],
        M[3] * M[3] + M[4] * M[4] + M[5] * M[5] + PIXEL_VARIANCE,
        M[3] * M[6] + M[4] * M[7] + M[5] * M[8],
        M[6] * M[6] + M[7] * M[7] + M[8] * M[8] + PIXEL_VARIANCE,
    )


@inlined
def _conditional(S):
    """A covariance by conditioning on z and then on y, which avoids cancellation for needle-shaped Gaussians.

    Returns the variances of x given y and z, of y given z, and of z; slope, shift_x and shift_y, with which
    (x - shift_x z - slope (y - shift_y z), y - shift_y z, z) are independent; the variance of x given z.
    """
    shift_x, shift_y = S[2] / S[5], S[4] / S[5]
    xx, xy, yy = S[0] - S[2] * shift_x, S[1] - S[2] * shift_y, S[3] - S[4] * shift_y
    slope = xy / yy
    return xx - xy * slope, yy, S[5], slope, shift_x, shift_y, xx


@kernel
def blobs(chunk, start, stop, cloud, F, voxel_volume, shape, out):
    """Fill out (N, COLUMNS) for the Gaussians start to stop; shape (nk, nj, ni)."""
    position, scale, quaternion, density = cloud
    for i in range(start, stop):
        out[i, 9], out[i, 10] = 0, -1
        u, v, w = moved(F, vector(position, i))
        s = vector(scale, i)
        S = _covariance(scaled(product(linear(F), rotation(vector4(quaternion, i))), s))
        radius_u, radius_v, radius_w = CUTOFF * math.sqrt(S[0]), CUTOFF * math.sqrt(S[3]), CUTOFF * math.sqrt(S[5])
        if u + radius_u < 0 or v + radius_v < 0 or w + radius_w < 0:
            continue
        if u - radius_u > shape[2] - 1 or v - radius_v > shape[1] - 1 or w - radius_w > shape[0] - 1:
            continue
        var_x, var_y, var_z, slope, shift_x, shift_y, in_slice = _conditional(S)
        peak = np.float64(density[i]) * s[0] * s[1] * s[2] / (voxel_volume * math.sqrt(var_x * var_y * var_z))
        out[i, 0], out[i, 1], out[i, 2] = u, v, w
        out[i, 3], out[i, 4], out[i, 5] = 1 / var_x, slope, 1 / var_y
        out[i, 6], out[i, 7], out[i, 8] = shift_x, shift_y, 1 / var_z
        out[i, 9], out[i, 10], out[i, 11], out[i, 12] = peak, radius_u, radius_v, radius_w
        out[i, 13], out[i, 14] = math.sqrt(2 * MAX_DRAWN_EXPONENT * in_slice), math.sqrt(2 * MAX_DRAWN_EXPONENT * var_y)
        for n in range(COLUMNS):
            if not math.isfinite(out[i, n]):
                out[i, 9], out[i, 10] = np.nan, -1


@part
def _box(blob, u, v, width, height):
    """The pixels of a slice with mean (u, v) that lie in the blob's box and within MAX_DRAWN_EXPONENT."""
    left, right = clipped(blob[0], blob[10], width)
    top, bottom = clipped(blob[1], blob[11], height)
    first, last = clipped(u, blob[13], width)
    left, right = max(left, first), min(right, last)
    first, last = clipped(v, blob[14], height)
    return left, right, max(top, first), min(bottom, last)


@kernel
def fill(chunk, start, stop, blobs, values):
    """Add every blob to slices start to stop of values (nk, nj, ni + WIDTH); all NaN if one blob is not finite."""
    height, width = values.shape[1], values.shape[2] - WIDTH
    for i in range(len(blobs)):
        blob = blobs[i]
        if math.isnan(blob[9]):
            values[start:stop] = blob[9]
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


@part
def _moments(blob, values):
    """The sums of a blob of peak 1 times values: m, (m x, m y, m z) and row by row (m x x, m x y, ..., m z z).

    x and y are those of `splat.moments` in each slice, z is the offset from the mean.
    """
    m, mx, my, mz, mxx, mxy, mxz, myy, myz, mzz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    height, width = values.shape[1], values.shape[2] - WIDTH
    first, last = clipped(blob[2], blob[12], values.shape[0])
    for k in range(first, last + 1):
        dz = np.float32(k) - blob[2]
        u, v = blob[0] + blob[6] * dz, blob[1] + blob[7] * dz
        box = _box(blob, u, v, width, height)
        if box[0] > box[1] or box[2] > box[3]:
            continue
        g = math.exp(np.float32(-0.5) * blob[8] * dz * dz)
        s, sx, sy, sxx, sxy, syy = moments(values[k], u, v, blob[3], blob[4], blob[5], box)
        m += g * s
        mx += g * sx
        my += g * sy
        mz += g * s * dz
        mxx += g * sxx
        mxy += g * sxy
        mxz += g * sx * dz
        myy += g * syy
        myz += g * sy * dz
        mzz += g * s * dz * dz
    return m, (mx, my, mz), (mxx, mxy, mxz, mxy, myy, myz, mxz, myz, mzz)


@kernel
def pull_back(chunk, start, stop, cloud, F, voxel_volume, blobs, values, gradients):
    """Gradients of the Gaussians, arrays like the cloud's, from those on values (nk, nj, ni + WIDTH)."""
    _, scale, quaternion, density = cloud
    to_position, to_scale, to_rotation, to_density = gradients
    back = transposed(linear(F))
    for i in range(start, stop):
        if blobs[i, 10] < 0:
            to_position[i], to_scale[i], to_rotation[i], to_density[i] = 0, 0, 0, 0
            continue
        m, first, second = _moments(blobs[i], values)
        s, q = vector(scale, i), vector4(quaternion, i)
        M = scaled(product(linear(F), rotation(q)), s)
        var_x, var_y, var_z, slope, shift_x, shift_y, _ = _conditional(_covariance(M))
        D = 1 / var_x, 1 / var_y, 1 / var_z
        L = 1.0, 0.0, 0.0, -slope, 1.0, 0.0, slope * shift_y - shift_x, -shift_y, 1.0
        unit = s[0] * s[1] * s[2] / (voxel_volume * math.sqrt(var_x * var_y * var_z))
        peak = np.float64(density[i]) * unit
        total = peak * m
        to_density[i] = unit * m
        mean = applied(L, (peak * D[0] * first[0], peak * D[1] * first[1], peak * D[2] * first[2]))
        to_position[i, 0], to_position[i, 1], to_position[i, 2] = applied(back, mean)
        # With L D L^T the inverse covariance, the gradient with respect to the covariance is half of
        # peak L (D moments D - m D) L^T; the gradient with respect to M is twice that times M.
        X = scaled(second, D)
        X = (
            D[0] * (X[0] - m), D[0] * X[1], D[0] * X[2],
            D[1] * X[3], D[1] * (X[4] - m), D[1] * X[5],
            D[2] * X[6], D[2] * X[7], D[2] * (X[8] - m),
        )  # fmt: skip
        to_M = product(product(product(L, scaled(X, (peak, peak, peak))), transposed(L)), M)
        to_scale[i, 0] = (to_M[0] * M[0] + to_M[3] * M[3] + to_M[6] * M[6] + total) / s[0]
        to_scale[i, 1] = (to_M[1] * M[1] + to_M[4] * M[4] + to_M[7] * M[7] + total) / s[1]
        to_scale[i, 2] = (to_M[2] * M[2] + to_M[5] * M[5] + to_M[8] * M[8] + total) / s[2]
        turned = rotation_gradient(q, product(back, scaled(to_M, s)))
        to_rotation[i, 0], to_rotation[i, 1], to_rotation[i, 2], to_rotation[i, 3] = turned
