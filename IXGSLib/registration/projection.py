"""Line integrals of points of bone, with their derivatives by the pose of the bone; compiled for the CPU.

Each voxel of bone is one isotropic Gaussian. Its shadow is a Gaussian too, with one width for all points of a view, so
that the derivatives are exact and a few vector operations replace a walk along each ray.
"""

from __future__ import annotations

import math

import numpy as np

from ..compute.lanes import WIDTH, add, kernel, load, part, scale, store
from ..compute.threads import run
from ..geometry.rigid import Array

REACH = 3.0
"""Standard deviations at which the shadow of a point ends."""
IMAGE, TARGET = 0, 7
"""The lanes of a pixel that hold the line integral and the X-ray; those between hold the six derivatives."""


def project_points(
    points: Array, amounts: np.ndarray, cameras: Array, matrices: Array, sigma: float, images: np.ndarray
) -> None:
    """Add line integrals of points to images (views, height, width) float32, no unit.

    points: (n, 3) mm. amounts: (n,) float32, attenuation times volume, mm^2. cameras: (views, 3, 4) from the points to
    the camera's axes, mm. matrices: (views, 3, 3) K, pixels. sigma: width of the shadows in pixels.
    """
    run(_project, len(images), points, amounts, cameras, matrices, sigma, images)


def project_with_derivatives(
    points: Array,
    amounts: np.ndarray,
    cameras: Array,
    matrices: Array,
    centers: Array,
    sigma: float,
    lanes: np.ndarray,
) -> None:
    """Add line integrals of points and their derivatives to lanes (views, height, width, 8) float32.

    Lane 0 takes the line integral, lanes 1 to 3 its derivatives by turns about the camera's x, y and z through a centre
    (views, 3) in the camera's axes, per radian, lanes 4 to 6 those by shifts along them, per mm. The others: as in
    `project_points`.
    """
    run(_project_lanes, len(lanes), points, amounts, cameras, matrices, centers, sigma, lanes)


@part
def _place(points, n, C, K):
    """A point in the camera's axes, and its pixel; where its z is below 1 mm, no pixel."""
    a, b, c = points[n, 0], points[n, 1], points[n, 2]
    x = C[0, 0] * a + C[0, 1] * b + C[0, 2] * c + C[0, 3]
    y = C[1, 0] * a + C[1, 1] * b + C[1, 2] * c + C[1, 3]
    z = C[2, 0] * a + C[2, 1] * b + C[2, 2] * c + C[2, 3]
    safe = max(z, 1.0)
    return x, y, z, (K[0, 0] * x + K[0, 1] * y) / safe + K[0, 2], K[1, 1] * y / safe + K[1, 2]


@part
def _range(center, reach, count):
    """The first and the last of `count` pixels within reach; the last is below the first where none is."""
    return max(0, math.ceil(center - reach)), min(count - 1, math.floor(center + reach))


@part
def _bells(values, first, last, center, exponent):
    """exp(exponent * (pixel - center)^2) from the first to the last pixel, by recurrence."""
    distance = first - center
    value, ratio = math.exp(exponent * distance * distance), math.exp(exponent * (2 * distance + 1))
    step = math.exp(2 * exponent)
    for n in range(last - first + 1):
        values[n] = value
        value *= ratio
        ratio *= step


@kernel
def _project(chunk, start, stop, points, amounts, cameras, matrices, sigma, images):
    height, width = images.shape[1], images.shape[2]
    reach, exponent = REACH * sigma, -0.5 / (sigma * sigma)
    across = np.empty(int(2 * reach) + 2, np.float32)
    down = np.empty(int(2 * reach) + 2, np.float32)
    for view in range(start, stop):
        C, K = cameras[view], matrices[view]
        for n in range(len(points)):
            x, y, z, u, v = _place(points, n, C, K)
            left, right = _range(u, reach, width)
            top, bottom = _range(v, reach, height)
            if z <= 1.0 or left > right or top > bottom:
                continue
            distance = math.sqrt(x * x + y * y + z * z)
            amount = amounts[n] * K[0, 0] * K[1, 1] * distance / (z * z * z) / (2 * math.pi * sigma * sigma)
            _bells(across, left, right, u, exponent)
            _bells(down, top, bottom, v, exponent)
            for row in range(top, bottom + 1):
                factor = np.float32(amount * down[row - top])
                for column in range(left, right + 1):
                    images[view, row, column] += factor * across[column - left]


@kernel
def _project_lanes(chunk, start, stop, points, amounts, cameras, matrices, centers, sigma, lanes):
    f, u64 = np.float32, np.uint64
    height, width = lanes.shape[1], lanes.shape[2]
    reach, exponent = REACH * sigma, -0.5 / (sigma * sigma)
    across = np.empty(int(2 * reach) + 2, np.float32)
    down = np.empty(int(2 * reach) + 2, np.float32)
    slopes = np.empty(int(2 * reach) + 2, np.float32)
    zero = f(0)
    for view in range(start, stop):
        C, K, center = cameras[view], matrices[view], centers[view]
        flat = lanes[view].reshape(-1)
        for n in range(len(points)):
            x, y, z, u, v = _place(points, n, C, K)
            left, right = _range(u, reach, width)
            top, bottom = _range(v, reach, height)
            if z <= 1.0 or left > right or top > bottom:
                continue
            square = x * x + y * y + z * z
            amount = amounts[n] * K[0, 0] * K[1, 1] * math.sqrt(square) / (z * z * z) / (2 * math.pi * sigma * sigma)
            # Derivatives of u, v and the amount by a shift along x, y and z.
            ux, uy, uz = K[0, 0] / z, K[0, 1] / z, -(u - K[0, 2]) / z
            vy, vz = K[1, 1] / z, -(v - K[1, 2]) / z
            mx, my, mz = amount * x / square, amount * y / square, amount * (z / square - 3 / z)
            # A turn shifts the point by the cross product of its axis and the lever.
            dx, dy, dz = x - center[0], y - center[1], z - center[2]
            by_amount = (
                f(amount),
                f(-my * dz + mz * dy),
                f(mx * dz - mz * dx),
                f(-mx * dy + my * dx),
                f(mx),
                f(my),
                f(mz),
                zero,
            )
            by_u = (
                zero,
                f(amount * (-uy * dz + uz * dy)),
                f(amount * (ux * dz - uz * dx)),
                f(amount * (-ux * dy + uy * dx)),
                f(amount * ux),
                f(amount * uy),
                f(amount * uz),
                zero,
            )
            by_v = (
                zero,
                f(amount * (-vy * dz + vz * dy)),
                f(amount * (-vz * dx)),
                f(amount * (vy * dx)),
                zero,
                f(amount * vy),
                f(amount * vz),
                zero,
            )
            _bells(across, left, right, u, exponent)
            _bells(down, top, bottom, v, exponent)
            for column in range(left, right + 1):
                slopes[column - left] = f(-2 * exponent * (column - u)) * across[column - left]
            for row in range(top, bottom + 1):
                level = down[row - top]
                first = add(scale(by_amount, level), scale(by_v, f(-2 * exponent * (row - v)) * level))
                second = scale(by_u, level)
                for column in range(left, right + 1):
                    at = u64((row * width + column) * WIDTH)
                    both = add(scale(first, across[column - left]), scale(second, slopes[column - left]))
                    store(flat, at, add(load(flat, at), both))
