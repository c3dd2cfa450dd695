"""Triton kernels for images: drawing 2D Gaussians, and the moments of an image under them.

A Gaussian is that of `..splat`, a row of COLUMNS numbers: mean u, v; A, slope, tail; peak. Its radius in u and v is
negative when it is not drawn. Images are summed tile by tile and moments Gaussian by Gaussian, so that timing has no
influence.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .boxes import first, last

COLUMNS = 6
SIDE = 16
"""Pixels along each side of a tile."""
DRAW = {"SIDE": SIDE, "CHUNK": 8, "num_warps": 4}
"""How `draw` is launched; CHUNK: Gaussians that a tile processes together."""
GATHER = {"SIDE": SIDE, "num_warps": 1}
"""How `gather` is launched."""


@triton.jit
def draw(
    prints, radius, ids, starts, bases, image, width, height, tiles,
    LEVELS: tl.constexpr, SIDE: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """Sum the Gaussians over one tile of `tiles` along x; image: (height, width)."""
    number = tl.program_id(0)
    column, row = number % tiles, number // tiles
    pixel = tl.arange(0, SIDE * SIDE)
    x, y = column * SIDE + pixel % SIDE, row * SIDE + pixel // SIDE
    total = tl.zeros([SIDE * SIDE], tl.float32)
    for level in range(LEVELS):
        across = ((tiles - 1) >> level) + 1
        cell = tl.load(bases + level) + (row >> level) * across + (column >> level)
        stop = tl.load(starts + cell + 1)
        for begin in range(tl.load(starts + cell), stop, CHUNK):
            place = begin + tl.arange(0, CHUNK)
            i = tl.load(ids + place, mask=place < stop, other=0)
            p = prints + 6 * i
            dx = x[None, :] - tl.load(p)[:, None]
            dy = y[None, :] - tl.load(p + 1)[:, None]
            r = dx - tl.load(p + 3)[:, None] * dy
            exponent = tl.load(p + 2)[:, None] * r * r + tl.load(p + 4)[:, None] * dy * dy
            inside = (tl.abs(dx) <= tl.load(radius + 2 * i)[:, None]) & (
                tl.abs(dy) <= tl.load(radius + 2 * i + 1)[:, None]
            )
            value = tl.load(p + 5)[:, None] * tl.exp(-0.5 * exponent)
            total += tl.sum(tl.where(inside & (place < stop)[:, None], value, 0.0), axis=0)
    tl.store(image + y * width + x, total, mask=(x < width) & (y < height))


@triton.jit
def gather(prints, radius, image, sums, width, height, SIDE: tl.constexpr):
    """Sums over the box of one Gaussian of peak one times image times 1, r, y, r r, r y, y y; sums: (N, 6)."""
    i = tl.program_id(0)
    p = prints + 6 * i
    u, v, A, slope, tail = tl.load(p), tl.load(p + 1), tl.load(p + 2), tl.load(p + 3), tl.load(p + 4)
    radius_u, radius_v = tl.load(radius + 2 * i), tl.load(radius + 2 * i + 1)
    pixel = tl.arange(0, SIDE * SIDE)
    m = tl.zeros([SIDE * SIDE], tl.float32)
    mr, my, mrr, mry, myy = m, m, m, m, m
    if radius_u >= 0:
        left, right = first(u, radius_u, width), last(u, radius_u, width)
        top, bottom = first(v, radius_v, height), last(v, radius_v, height)
        for row in range(top, bottom + 1, SIDE):
            for column in range(left, right + 1, SIDE):
                x, y = column + pixel % SIDE, row + pixel // SIDE
                dx, dy = x - u, y - v
                r = dx - slope * dy
                inside = (x <= right) & (y <= bottom) & (tl.abs(dx) <= radius_u) & (tl.abs(dy) <= radius_v)
                value = tl.load(image + y * width + x, mask=inside, other=0.0)
                value *= tl.exp(-0.5 * (A * r * r + tail * dy * dy))
                m += value
                mr += value * r
                my += value * dy
                mrr += value * r * r
                mry += value * r * dy
                myy += value * dy * dy
    tl.store(sums + 6 * i, tl.sum(m, axis=0))
    tl.store(sums + 6 * i + 1, tl.sum(mr, axis=0))
    tl.store(sums + 6 * i + 2, tl.sum(my, axis=0))
    tl.store(sums + 6 * i + 3, tl.sum(mrr, axis=0))
    tl.store(sums + 6 * i + 4, tl.sum(mry, axis=0))
    tl.store(sums + 6 * i + 5, tl.sum(myy, axis=0))
