"""Projecting a cloud: footprints, their image, and the gradients of the Gaussians; compiled for the CPU.

The formulas are those of `reference`, with their derivatives written out. A cloud is the tuple of its arrays
position, scale, rotation and density. K is (3, 3), E camera_from_world (3, 4).
"""

from __future__ import annotations

import math

import numpy as np

from ..compute.lanes import WIDTH, inlined, kernel
from .matrix3 import applied, linear, moved, product, transposed, vector, vector4
from .quaternion import rotation, rotation_gradient
from .reference import CUTOFF, MIN_DEPTH, PIXEL_VARIANCE
from .splat import clipped, draw, moments

COLUMNS = 8
"""Columns of a footprint: mean u, v; A, slope, tail (see `splat`); peak; radius in u, v (negative if not drawn).

The peak of a footprint that is not finite is NaN.
"""

_ROOT_TWO_PI = math.sqrt(2 * math.pi)


@inlined
def _slopes(K, t):
    """The mean relative to the principal point, and J's rows (j0, j1, j2) and (0, j3, j4) in pixels per mm."""
    near = 1.0 / t[2]
    x, y = (K[0, 0] * t[0] + K[0, 1] * t[1]) * near, K[1, 1] * t[1] * near
    return x, y, (K[0, 0] * near, K[0, 1] * near, -x * near, K[1, 1] * near, -y * near)


@inlined
def _axes(J, C):
    """J C (2, 3) in row-major order: pixels per mm along the Gaussian's axes."""
    return (
        J[0] * C[0] + J[1] * C[3] + J[2] * C[6],
        J[0] * C[1] + J[1] * C[4] + J[2] * C[7],
        J[0] * C[2] + J[1] * C[5] + J[2] * C[8],
        J[3] * C[3] + J[4] * C[6],
        J[3] * C[4] + J[4] * C[7],
        J[3] * C[5] + J[4] * C[8],
    )


@inlined
def _covariance(H, s):
    """xx, xy, yy of H diag(s^2) H^T plus the variance of a pixel."""
    a0, a1, a2, b0, b1, b2 = H[0] * s[0], H[1] * s[1], H[2] * s[2], H[3] * s[0], H[4] * s[1], H[5] * s[2]
    xx, yy = a0 * a0 + a1 * a1 + a2 * a2 + PIXEL_VARIANCE, b0 * b0 + b1 * b1 + b2 * b2 + PIXEL_VARIANCE
    return xx, a0 * b0 + a1 * b1 + a2 * b2, yy


@inlined
def _unit_peak(K, t, s, determinant):
    """The peak for a density of 1: sqrt(2 pi) s0 s1 s2 fx fy |t| / tz^3 / sqrt(determinant)."""
    distance = math.sqrt(t[0] * t[0] + t[1] * t[1] + t[2] * t[2])
    mass = _ROOT_TWO_PI * s[0] * s[1] * s[2] * K[0, 0] * K[1, 1] * distance
    return mass / (t[2] * t[2] * t[2] * math.sqrt(determinant))


@kernel
def footprints(chunk, start, stop, cloud, K, E, width, height, out):
    """Fill out (N, COLUMNS) for the Gaussians start to stop."""
    position, scale, quaternion, density = cloud
    for i in range(start, stop):
        out[i, 5], out[i, 6], out[i, 7] = 0.0, -1.0, -1.0
        t = moved(E, vector(position, i))
        if t[2] <= MIN_DEPTH:
            continue
        x, y, J = _slopes(K, t)
        u, v, s = x + K[0, 2], y + K[1, 2], vector(scale, i)
        xx, xy, yy = _covariance(_axes(J, product(linear(E), rotation(vector4(quaternion, i)))), s)
        radius_u, radius_v = CUTOFF * math.sqrt(xx), CUTOFF * math.sqrt(yy)
        if u + radius_u < 0 or v + radius_v < 0 or u - radius_u > width - 1 or v - radius_v > height - 1:
            continue
        determinant = xx * yy - xy * xy
        peak = np.float64(density[i]) * _unit_peak(K, t, s, determinant)
        out[i, 0], out[i, 1], out[i, 5] = u, v, peak
        out[i, 2], out[i, 3], out[i, 4] = yy / determinant, xy / yy, 1 / yy
        if math.isfinite(out[i, 0] + out[i, 1] + out[i, 2] + out[i, 3] + out[i, 4] + out[i, 5] + radius_u + radius_v):
            out[i, 6], out[i, 7] = radius_u, radius_v
        else:
            out[i, 5] = np.nan


@inlined
def _box(footprint, width, height):
    """The pixels of a footprint; none if it is not drawn."""
    left, right = clipped(footprint[0], footprint[6], width)
    top, bottom = clipped(footprint[1], footprint[7], height)
    return left, right, top, bottom


@kernel
def splat(chunk, start, stop, prints, images):
    """Draw footprints start to stop as images[chunk] (height, width + WIDTH); all NaN if one of them is not finite."""
    image = images[chunk]
    image[:] = 0
    height, width = image.shape[0], image.shape[1] - WIDTH
    for i in range(start, stop):
        u, v, A, slope, tail, peak = prints[i, 0], prints[i, 1], prints[i, 2], prints[i, 3], prints[i, 4], prints[i, 5]
        if math.isnan(peak):
            image[:] = peak
        elif prints[i, 6] >= 0:
            box = _box(prints[i], width, height)
            if box[0] <= box[1] and box[2] <= box[3]:
                draw(image, u, v, A, slope, tail, peak, box)


@kernel
def gather(chunk, start, stop, prints, image, sums):
    """Fill sums (N, 6): the `moments` of each footprint in image (height, width + WIDTH)."""
    height, width = image.shape[0], image.shape[1] - WIDTH
    for i in range(start, stop):
        for n in range(6):
            sums[i, n] = 0
        if prints[i, 6] >= 0:
            box = _box(prints[i], width, height)
            if box[0] <= box[1] and box[2] <= box[3]:
                u, v, A, slope, tail = prints[i, 0], prints[i, 1], prints[i, 2], prints[i, 3], prints[i, 4]
                found = moments(image, u, v, A, slope, tail, box)
                sums[i, 0], sums[i, 1], sums[i, 2], sums[i, 3], sums[i, 4], sums[i, 5] = found


@inlined
def _mean_and_covariance_gradient(S, peak, m):
    """The gradients with respect to the mean (2) and, doubled, to the covariance xx, xy, yy from a footprint's moments.

    With L D L^T the inverse covariance, D = diag(A, tail), and m0, m, M the moments of order 0, 1 and 2, they are
    peak L D m and peak L (D M D - m0 D) L^T; the second term is that of the peak's 1 / sqrt(determinant).
    """
    A, slope, tail = S[2] / (S[0] * S[2] - S[1] * S[1]), S[1] / S[2], 1 / S[2]
    gr, gy = A * m[1], tail * m[2]
    rr, ry, yy = A * (A * m[3] - m[0]), A * tail * m[4], tail * (tail * m[5] - m[0])
    mean = peak * gr, peak * (gy - slope * gr)
    return mean, (peak * rr, peak * (ry - slope * rr), peak * (yy - slope * (2 * ry - slope * rr)))


@inlined
def _scaled_axes_gradient(H, s, g):
    """The gradient (2, 3) with respect to H diag(s) from g, that to the covariance xx, xy, yy = H diag(s^2) H^T."""
    xx, xy, yy = g
    return (
        (xx * H[0] + xy * H[3]) * s[0], (xx * H[1] + xy * H[4]) * s[1], (xx * H[2] + xy * H[5]) * s[2],
        (xy * H[0] + yy * H[3]) * s[0], (xy * H[1] + yy * H[4]) * s[1], (xy * H[2] + yy * H[5]) * s[2],
    )  # fmt: skip


@inlined
def _camera_axes_gradient(J, d):
    """The gradient (3, 3) with respect to C from d, that to J C."""
    return (
        J[0] * d[0], J[0] * d[1], J[0] * d[2],
        J[1] * d[0] + J[3] * d[3], J[1] * d[1] + J[3] * d[4], J[1] * d[2] + J[3] * d[5],
        J[2] * d[0] + J[4] * d[3], J[2] * d[1] + J[4] * d[4], J[2] * d[2] + J[4] * d[5],
    )  # fmt: skip


@inlined
def _jacobian_gradient(C, d):
    """The gradient with respect to J's entries (j0, ..., j4) from d, that to J C."""
    return (
        d[0] * C[0] + d[1] * C[1] + d[2] * C[2],
        d[0] * C[3] + d[1] * C[4] + d[2] * C[5],
        d[0] * C[6] + d[1] * C[7] + d[2] * C[8],
        d[3] * C[3] + d[4] * C[4] + d[5] * C[5],
        d[3] * C[6] + d[4] * C[7] + d[5] * C[8],
    )


@inlined
def _point_gradient(t, J, mean, j, total):
    """The gradient with respect to the point t, which moves the mean (x, y) and with it J's last column.

    J scales with 1 / tz, the peak with |t| / tz^3. mean, j: the gradients with respect to the mean and to J's entries;
    total: that to the logarithm of the peak.
    """
    near = 1.0 / t[2]
    gx, gy = mean[0] - j[2] * near, mean[1] - j[4] * near
    swell = total / (t[0] * t[0] + t[1] * t[1] + t[2] * t[2])
    shrink = j[0] * J[0] + j[1] * J[1] + j[2] * J[2] + j[3] * J[3] + j[4] * J[4] + 3 * total
    return (
        gx * J[0] + swell * t[0],
        gx * J[1] + gy * J[3] + swell * t[1],
        gx * J[2] + gy * J[4] - shrink * near + swell * t[2],
    )


@kernel
def pull_back(chunk, start, stop, cloud, K, E, prints, sums, gradients, pose):
    """Gradients of the Gaussians, arrays like the cloud's, and of the pose (CHUNKS, 3, 4), from the moments (N, 6)."""
    position, scale, quaternion, density = cloud
    to_position, to_scale, to_rotation, to_density = gradients
    # Adjacent rows of `pose` share a cache line, for which the threads would wait.
    own = np.zeros((3, 4))
    for i in range(start, stop):
        if prints[i, 6] < 0:
            to_position[i], to_scale[i], to_rotation[i], to_density[i] = 0, 0, 0, 0
            continue
        p, s, q = vector(position, i), vector(scale, i), vector4(quaternion, i)
        t = moved(E, p)
        _, _, J = _slopes(K, t)
        R = rotation(q)
        C = product(linear(E), R)
        H = _axes(J, C)
        S = _covariance(H, s)
        unit = _unit_peak(K, t, s, S[0] * S[2] - S[1] * S[1])
        peak = np.float64(density[i]) * unit
        m = vector(sums, i) + (np.float64(sums[i, 3]), np.float64(sums[i, 4]), np.float64(sums[i, 5]))
        to_mean, to_covariance = _mean_and_covariance_gradient(S, peak, m)
        total = peak * m[0]
        to_density[i] = unit * m[0]

        d = _scaled_axes_gradient(H, s, to_covariance)
        to_scale[i, 0] = d[0] * H[0] + d[3] * H[3] + total / s[0]
        to_scale[i, 1] = d[1] * H[1] + d[4] * H[4] + total / s[1]
        to_scale[i, 2] = d[2] * H[2] + d[5] * H[5] + total / s[2]
        # From H diag(s) to H = J C with C = E R.
        d = d[0] * s[0], d[1] * s[1], d[2] * s[2], d[3] * s[0], d[4] * s[1], d[5] * s[2]
        to_C = _camera_axes_gradient(J, d)
        turned = rotation_gradient(q, product(transposed(linear(E)), to_C))
        to_rotation[i, 0], to_rotation[i, 1], to_rotation[i, 2], to_rotation[i, 3] = turned
        to_t = _point_gradient(t, J, to_mean, _jacobian_gradient(C, d), total)
        to_position[i, 0], to_position[i, 1], to_position[i, 2] = applied(transposed(linear(E)), to_t)
        to_E = product(to_C, transposed(R))
        for row in range(3):
            own[row, 3] += to_t[row]
            for column in range(3):
                own[row, column] += to_t[row] * p[column] + to_E[3 * row + column]
    pose[chunk] = own
