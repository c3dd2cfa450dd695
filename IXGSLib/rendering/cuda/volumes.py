"""Triton kernels for volumes: filling voxels with 3D Gaussians, and the moments of voxels under them.

A Gaussian is peak exp(-1/2 [A r^2 + tail q^2 + depth z^2]) with z = dz, q = dy - shift_y dz and
r = dx - shift_x dz - slope q: conditioned on z and then on y, which avoids cancellation for needles. It is a row of
COLUMNS numbers: mean x, y, z; A, slope, tail; shift_x, shift_y, depth; peak. Its radius is negative when not drawn.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .boxes import first, last

COLUMNS = 10
SIDE = 8
"""Voxels along each side of a tile."""
FILL = {"SIDE": SIDE, "CHUNK": 4, "num_warps": 4}
"""How `fill` is launched; CHUNK: Gaussians that a tile processes together."""
GATHER = {"SIDE": SIDE, "num_warps": 4}
"""How `gather` is launched."""


@triton.jit
def fill(
    prints, radius, ids, starts, bases, values, nx, ny, nz, tiles_x, tiles_y,
    LEVELS: tl.constexpr, SIDE: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """Sum the Gaussians over one tile; values: (nz, ny, nx)."""
    number = tl.program_id(0)
    a, b, c = number % tiles_x, number // tiles_x % tiles_y, number // (tiles_x * tiles_y)
    voxel = tl.arange(0, SIDE * SIDE * SIDE)
    x, y, z = a * SIDE + voxel % SIDE, b * SIDE + voxel // SIDE % SIDE, c * SIDE + voxel // (SIDE * SIDE)
    total = tl.zeros([SIDE * SIDE * SIDE], tl.float32)
    for level in range(LEVELS):
        across, down = ((tiles_x - 1) >> level) + 1, ((tiles_y - 1) >> level) + 1
        cell = tl.load(bases + level) + ((c >> level) * down + (b >> level)) * across + (a >> level)
        stop = tl.load(starts + cell + 1)
        for begin in range(tl.load(starts + cell), stop, CHUNK):
            place = begin + tl.arange(0, CHUNK)
            i = tl.load(ids + place, mask=place < stop, other=0)
            p, box = prints + 10 * i, radius + 3 * i
            dx = x[None, :] - tl.load(p)[:, None]
            dy = y[None, :] - tl.load(p + 1)[:, None]
            dz = z[None, :] - tl.load(p + 2)[:, None]
            q = dy - tl.load(p + 7)[:, None] * dz
            r = dx - tl.load(p + 6)[:, None] * dz - tl.load(p + 4)[:, None] * q
            exponent = tl.load(p + 3)[:, None] * r * r + tl.load(p + 5)[:, None] * q * q
            exponent += tl.load(p + 8)[:, None] * dz * dz
            inside = (tl.abs(dx) <= tl.load(box)[:, None]) & (tl.abs(dy) <= tl.load(box + 1)[:, None])
            inside = inside & (tl.abs(dz) <= tl.load(box + 2)[:, None]) & (place < stop)[:, None]
            value = tl.load(p + 9)[:, None] * tl.exp(-0.5 * exponent)
            total += tl.sum(tl.where(inside, value, 0.0), axis=0)
    # A volume can have more values than an int32 can index.
    tl.store(values + (z.to(tl.int64) * ny + y) * nx + x, total, mask=(x < nx) & (y < ny) & (z < nz))


@triton.jit
def gather(prints, radius, values, sums, nx, ny, nz, SIDE: tl.constexpr):
    """Sums over the box of one Gaussian of peak one times values; sums: (N, 10).

    Times 1, r, q, z, r r, r q, r z, q q, q z, z z, in this order.
    """
    i = tl.program_id(0)
    p, box = prints + 10 * i, radius + 3 * i
    u, v, w = tl.load(p), tl.load(p + 1), tl.load(p + 2)
    A, slope, tail = tl.load(p + 3), tl.load(p + 4), tl.load(p + 5)
    shift_x, shift_y, depth = tl.load(p + 6), tl.load(p + 7), tl.load(p + 8)
    radius_u, radius_v, radius_w = tl.load(box), tl.load(box + 1), tl.load(box + 2)
    voxel = tl.arange(0, SIDE * SIDE * SIDE)
    m = tl.zeros([SIDE * SIDE * SIDE], tl.float32)
    mr, mq, mz, mrr, mrq, mrz, mqq, mqz, mzz = m, m, m, m, m, m, m, m, m
    if radius_u >= 0:
        left, right = first(u, radius_u, nx), last(u, radius_u, nx)
        top, bottom = first(v, radius_v, ny), last(v, radius_v, ny)
        front, back = first(w, radius_w, nz), last(w, radius_w, nz)
        for slab in range(front, back + 1, SIDE):
            for row in range(top, bottom + 1, SIDE):
                for column in range(left, right + 1, SIDE):
                    x, y = column + voxel % SIDE, row + voxel // SIDE % SIDE
                    z = slab + voxel // (SIDE * SIDE)
                    dx, dy, dz = x - u, y - v, z - w
                    q = dy - shift_y * dz
                    r = dx - shift_x * dz - slope * q
                    inside = (x <= right) & (y <= bottom) & (z <= back)
                    inside = inside & (tl.abs(dx) <= radius_u) & (tl.abs(dy) <= radius_v) & (tl.abs(dz) <= radius_w)
                    value = tl.load(values + (z.to(tl.int64) * ny + y) * nx + x, mask=inside, other=0.0)
                    value *= tl.exp(-0.5 * (A * r * r + tail * q * q + depth * dz * dz))
                    by_r, by_q, by_z = value * r, value * q, value * dz
                    m += value
                    mr += by_r
                    mq += by_q
                    mz += by_z
                    mrr += by_r * r
                    mrq += by_r * q
                    mrz += by_r * dz
                    mqq += by_q * q
                    mqz += by_q * dz
                    mzz += by_z * dz
    tl.store(sums + 10 * i, tl.sum(m, axis=0))
    tl.store(sums + 10 * i + 1, tl.sum(mr, axis=0))
    tl.store(sums + 10 * i + 2, tl.sum(mq, axis=0))
    tl.store(sums + 10 * i + 3, tl.sum(mz, axis=0))
    tl.store(sums + 10 * i + 4, tl.sum(mrr, axis=0))
    tl.store(sums + 10 * i + 5, tl.sum(mrq, axis=0))
    tl.store(sums + 10 * i + 6, tl.sum(mrz, axis=0))
    tl.store(sums + 10 * i + 7, tl.sum(mqq, axis=0))
    tl.store(sums + 10 * i + 8, tl.sum(mqz, axis=0))
    tl.store(sums + 10 * i + 9, tl.sum(mzz, axis=0))
