"""Line integrals of a voxel volume and their exact adjoint, by Joseph's method; compiled for the CPU.

P. M. Joseph, An improved algorithm for reprojecting rays through pixel images, IEEE TMI 1982: a ray takes one bilinear
sample in every plane of voxels along its steepest axis. Outside the lattice the attenuation is zero.
"""

from __future__ import annotations

import math

import numpy as np

from ..compute.lanes import kernel, part
from ..compute.merging import sum_chunks
from ..compute.threads import CHUNKS, run
from ..geometry import Grid, View
from ..geometry.rigid import Array, apply

INNER = (slice(1, -1),) * 3
"""The voxels of a lattice within the padded one."""
BORDER_MARGIN = 1e-6
"""Fraction of a voxel by which rays stop short of the border of the lattice, so that rounding cannot move them out."""


def project_volume(values: np.ndarray, grid: Grid, view: View) -> np.ndarray:
    """Line integrals (height, width) float32 of attenuation values [k, j, i] in 1/mm on a grid."""
    image = np.zeros((view.size[1], view.size[0]), np.float32)
    padded = np.zeros(_padded(grid), np.float32)
    padded[INNER] = values
    run(_project, view.size[1], padded.reshape(-1), np.array(grid.shape[::-1]), *lattice_rays(grid, view), image)
    return image


def backproject(image: np.ndarray, grid: Grid, view: View) -> np.ndarray:
    """The adjoint of `project_volume`: [k, j, i] float32, in each voxel the weighted sum of its pixels."""
    nk, nj, ni = _padded(grid)
    volumes = np.empty((CHUNKS, nk * nj * ni), np.float32)
    image = np.ascontiguousarray(image, dtype=np.float32)
    run(_backproject, view.size[1], volumes, np.array(grid.shape[::-1]), *lattice_rays(grid, view), image)
    padded = sum_chunks(volumes.reshape(CHUNKS, nk, nj * ni), nj * ni).reshape(nk, nj, ni)
    return np.ascontiguousarray(padded[INNER])


def _padded(grid: Grid) -> tuple[int, int, int]:
    """The shape of a lattice with a voxel of zeros on each side, so that samples at its border need no cases."""
    nk, nj, ni = grid.shape
    return nk + 2, nj + 2, ni + 2


def lattice_rays(grid: Grid, view: View) -> tuple[Array, Array, Array]:
    """The rays of a view in the form that `lattice_path` expects.

    The source (3,) in voxel indices (i, j, k), the matrix (3, 3) from pixels (x, y, 1) to directions in them, and the
    spacing (3,) in mm.
    """
    index_from_world = np.linalg.inv(grid.world_from_index)
    directions = index_from_world[:3, :3] @ view.world_from_camera[:3, :3] @ np.linalg.inv(view.K)
    return apply(index_from_world, view.source), directions, np.array(grid.spacing)


@part
def _clip(origin, slope, length, low, high):
    """The section of [low, high] in which origin + slope m lies strictly between -1 and length."""
    start, stop = -1 + BORDER_MARGIN, length - BORDER_MARGIN
    if abs(slope) < 1e-12:
        return (low, high) if start < origin < stop else (1.0, 0.0)
    first, second = (start - origin) / slope, (stop - origin) / slope
    return max(low, min(first, second)), min(high, max(first, second))


@part
def lattice_path(x, y, size, source, directions, spacing):
    """The path through a lattice of the ray to pixel (x, y); called by kernels.

    size: (3,) voxels along (i, j, k). source, directions, spacing: of `lattice_rays`.
    Returns (m, a, b, pa, sa, pb, sb, low, high, step): the axis along which the ray is steepest and the other two; in
    plane n along m, low <= n <= high, it meets the others at pa + sa n and pb + sb n; the mm from plane to plane.
    """
    d0 = directions[0, 0] * x + directions[0, 1] * y + directions[0, 2]
    d1 = directions[1, 0] * x + directions[1, 1] * y + directions[1, 2]
    d2 = directions[2, 0] * x + directions[2, 1] * y + directions[2, 2]
    l0, l1, l2 = d0 * spacing[0], d1 * spacing[1], d2 * spacing[2]
    if abs(d0) >= abs(d1) and abs(d0) >= abs(d2):
        m, a, b, dm, da, db = 0, 1, 2, d0, d1, d2
    elif abs(d1) >= abs(d2):
        m, a, b, dm, da, db = 1, 0, 2, d1, d0, d2
    else:
        m, a, b, dm, da, db = 2, 0, 1, d2, d0, d1
    slope_a, slope_b = da / dm, db / dm
    start_a, start_b = source[a] - slope_a * source[m], source[b] - slope_b * source[m]
    low, high = (max(0.0, source[m]), size[m] - 1.0) if dm > 0 else (0.0, min(size[m] - 1.0, source[m]))
    low, high = _clip(start_a, slope_a, size[a], low, high)
    low, high = _clip(start_b, slope_b, size[b], low, high)
    step = math.sqrt(l0 * l0 + l1 * l1 + l2 * l2) / abs(dm)
    return m, a, b, start_a, slope_a, start_b, slope_b, math.ceil(low), math.floor(high), step


@kernel
def _project(chunk, start, stop, values, size, source, directions, spacing, image):
    strides = (1, size[0] + 2, (size[0] + 2) * (size[1] + 2))
    for y in range(start, stop):
        for x in range(image.shape[1]):
            m, a, b, pa, sa, pb, sb, low, high, step = lattice_path(x, y, size, source, directions, spacing)
            over, along_a, along_b = strides[m], strides[a], strides[b]
            total = np.float32(0)
            for n in range(low, high + 1):
                ca, cb = pa + 1 + sa * n, pb + 1 + sb * n
                ia, ib = np.intp(ca), np.intp(cb)
                wa, wb = np.float32(ca - ia), np.float32(cb - ib)
                at = (n + 1) * over + ia * along_a + ib * along_b
                near = values[at] + wb * (values[at + along_b] - values[at])
                far = values[at + along_a] + wb * (values[at + along_a + along_b] - values[at + along_a])
                total += near + wa * (far - near)
            image[y, x] = total * step


@kernel
def _backproject(chunk, start, stop, volumes, size, source, directions, spacing, image):
    values = volumes[chunk]
    values[:] = 0
    strides = (1, size[0] + 2, (size[0] + 2) * (size[1] + 2))
    for y in range(start, stop):
        for x in range(image.shape[1]):
            if image[y, x] == 0:
                continue
            m, a, b, pa, sa, pb, sb, low, high, step = lattice_path(x, y, size, source, directions, spacing)
            over, along_a, along_b = strides[m], strides[a], strides[b]
            value = image[y, x] * np.float32(step)
            for n in range(low, high + 1):
                ca, cb = pa + 1 + sa * n, pb + 1 + sb * n
                ia, ib = np.intp(ca), np.intp(cb)
                wa, wb = np.float32(ca - ia), np.float32(cb - ib)
                at = (n + 1) * over + ia * along_a + ib * along_b
                far = wa * value
                near = value - far
                values[at] += near - wb * near
                values[at + along_b] += wb * near
                values[at + along_a] += far - wb * far
                values[at + along_a + along_b] += wb * far
