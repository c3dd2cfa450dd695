"""Drawing one 2D Gaussian into an image, and the moments of an image under it; compiled for the CPU.

A Gaussian is peak exp(-1/2 [A (dx - slope dy)^2 + tail dy^2]), (dx, dy) the offset from its mean in pixels: each row
is a 1D Gaussian of precision A around a ridge that moves by `slope` from row to row. Unlike
A dx^2 + 2 B dx dy + C dy^2 this form contains no difference of large numbers, so that float32 suffices for the
narrowest Gaussian.

Eight columns are drawn at once. Down the rows a Gaussian is a geometric sequence whose ratio is itself geometric, so a
pixel costs two products and no exponential. A narrow oblique Gaussian would underflow at the corners of its box, where
such a sequence has to start; it is drawn row by row instead, from inside its ellipse. PIXEL_VARIANCE bounds A and C by
12 and B by 6, so that eight steps from a start above exp(-MAX_SEQUENCE_EXPONENT) are safe in float32.

Images are (height, width + WIDTH) float32; the last columns hold what a block draws beyond the border of the image.
A box is (left, right, top, bottom) in whole pixels, both ends included, inside the image.
"""

from __future__ import annotations

import math

import numpy as np

from ..compute import lanes
from ..compute.lanes import WIDTH, inlined, part

f4 = np.float32
u8 = np.uint64

MAX_SEQUENCE_EXPONENT = 70.0
"""Largest exponent at the corner of a box from which the sequences can start in float32."""
MAX_DRAWN_EXPONENT = 16.0
"""Largest exponent at which a narrow Gaussian is drawn: 1e-7 of its peak."""
ROWS_PER_SEQUENCE = 64
"""Rows after which a sequence restarts; its rounding error grows with the square of its length, here to 1e-4."""


@part
def clipped(mean, radius, length):
    """First and last whole pixel within `radius` of `mean` and inside 0 to length - 1; none when first > last."""
    # Clamped before they become integers, which infinity cannot.
    first, last = max(np.ceil(mean - radius), f4(0)), min(np.floor(mean + radius), f4(length - 1))
    return int(min(first, f4(length))), int(max(last, f4(-1)))


@inlined
def _conic(A, slope, tail):
    """B and C of A dx^2 + 2 B dx dy + C dy^2."""
    return -A * slope, tail + A * slope * slope


@part
def _is_round(u, v, A, slope, tail, box):
    """Whether every exponent in a box is small enough for the sequences."""
    B, C = _conic(A, slope, tail)
    dx, dy = max(u - f4(box[0]), f4(box[1]) - u), max(v - f4(box[2]), f4(box[3]) - v)
    return f4(0.5) * (A * dx * dx + C * dy * dy) + abs(B) * dx * dy < f4(MAX_SEQUENCE_EXPONENT)


@inlined
def _sequences(A, B, C, steps, peak, dx, dy, count):
    """The first `count` of eight columns of a row of a Gaussian, and their ratios to those of the next row.

    steps: exp(-A), exp(-B), exp(-C).
    """
    half = f4(0.5)
    # Multiplying by the peak later, lane by lane, keeps LLVM from vectorizing.
    first = peak * math.exp(-half * (A * dx * dx + C * dy * dy) - B * dx * dy)
    value = lanes.bell(first, math.exp(-A * (dx + half) - B * dy), steps[0], count)
    return value, lanes.geometric(math.exp(-B * dx - C * (dy + half)), steps[1])


@part
def _row(u, A, slope, tail, dy, box):
    """First and last column of a row in which a narrow Gaussian is drawn; none when first > last."""
    rest = f4(2 * MAX_DRAWN_EXPONENT) - tail * dy * dy
    if not rest >= 0:
        return 1, 0
    middle, radius = u + slope * dy, math.sqrt(rest / A)
    return max(box[0], int(np.ceil(middle - radius))), min(box[1], int(np.floor(middle + radius)))


@inlined
def _bells(A, tail, peak, off, dy, count):
    """The first `count` of eight columns of a Gaussian that begin `off` beside its ridge."""
    half = f4(0.5)
    first = peak * math.exp(-half * (A * off * off + tail * dy * dy))
    return lanes.bell(first, math.exp(-A * (off + half)), math.exp(-A), count)


@part
def draw(image, u, v, A, slope, tail, peak, box):
    """Add a Gaussian to the box of an image."""
    if _is_round(u, v, A, slope, tail, box):
        left, right, top, bottom = box
        for start in range(top, bottom + 1, ROWS_PER_SEQUENCE):
            _draw_columns(
                image, u, v, A, slope, tail, peak, (left, right, start, min(start + ROWS_PER_SEQUENCE - 1, bottom))
            )
    else:
        _draw_rows(image, u, v, A, slope, tail, peak, box)


@part
def _draw_columns(image, u, v, A, slope, tail, peak, box):
    left, right, top, bottom = box
    B, C = _conic(A, slope, tail)
    steps = math.exp(-A), math.exp(-B), math.exp(-C)
    for x in range(left, right + 1, WIDTH):
        value, ratio = _sequences(A, B, C, steps, peak, f4(x) - u, f4(top) - v, right + 1 - x)
        for y in range(u8(top), u8(bottom + 1)):
            lanes.store(image[y], u8(x), lanes.add(lanes.load(image[y], u8(x)), value))
            value = lanes.multiply(value, ratio)
            ratio = lanes.scale(ratio, steps[2])


@part
def _draw_rows(image, u, v, A, slope, tail, peak, box):
    for y in range(box[2], box[3] + 1):
        dy = f4(y) - v
        first, last = _row(u, A, slope, tail, dy, box)
        for x in range(first, last + 1, WIDTH):
            value = _bells(A, tail, peak, f4(x) - u - slope * dy, dy, last + 1 - x)
            lanes.store(image[y], u8(x), lanes.add(lanes.load(image[y], u8(x)), value))


@part
def moments(image, u, v, A, slope, tail, box):
    """Sums over a box of a Gaussian of peak one times image times 1, r, y, r r, r y, y y; r = dx - slope dy, y = dy."""
    if not _is_round(u, v, A, slope, tail, box):
        return _moments_by_rows(image, u, v, A, slope, tail, box)
    left, right, top, bottom = box
    m, mr, my, mrr, mry, myy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for start in range(top, bottom + 1, ROWS_PER_SEQUENCE):
        part = (left, right, start, min(start + ROWS_PER_SEQUENCE - 1, bottom))
        s, sr, sy, srr, sry, syy = _moments_by_columns(image, u, v, A, slope, tail, part)
        m, mr, my, mrr, mry, myy = m + s, mr + sr, my + sy, mrr + srr, mry + sry, myy + syy
    return m, mr, my, mrr, mry, myy


@part
def _moments_by_columns(image, u, v, A, slope, tail, box):
    left, right, top, bottom = box
    one = f4(1)
    B, C = _conic(A, slope, tail)
    steps = math.exp(-A), math.exp(-B), math.exp(-C)
    m, mx, my, mxx, mxy, myy = lanes.zeros(), lanes.zeros(), lanes.zeros(), lanes.zeros(), lanes.zeros(), lanes.zeros()
    for x in range(left, right + 1, WIDTH):
        plain, by_y, by_yy = lanes.zeros(), lanes.zeros(), lanes.zeros()
        dy = f4(top) - v
        value, ratio = _sequences(A, B, C, steps, one, f4(x) - u, dy, right + 1 - x)
        for y in range(u8(top), u8(bottom + 1)):
            term = lanes.multiply(lanes.load(image[y], u8(x)), value)
            plain = lanes.add(plain, term)
            term = lanes.scale(term, dy)
            by_y = lanes.add(by_y, term)
            by_yy = lanes.add(by_yy, lanes.scale(term, dy))
            value = lanes.multiply(value, ratio)
            ratio = lanes.scale(ratio, steps[2])
            dy += one
        offsets = lanes.ramp(f4(x) - u)
        by_x = lanes.multiply(plain, offsets)
        m, mx, mxx = lanes.add(m, plain), lanes.add(mx, by_x), lanes.add(mxx, lanes.multiply(by_x, offsets))
        my, mxy, myy = lanes.add(my, by_y), lanes.add(mxy, lanes.multiply(by_y, offsets)), lanes.add(myy, by_yy)
    m, mx, my = lanes.total(m), lanes.total(mx), lanes.total(my)
    mxx, mxy, myy = lanes.total(mxx), lanes.total(mxy), lanes.total(myy)
    # From dx to the distance from the ridge.
    return m, mx - slope * my, my, mxx - slope * (2 * mxy - slope * myy), mxy - slope * myy, myy


@part
def _moments_by_rows(image, u, v, A, slope, tail, box):
    m, mr, my, mrr, mry, myy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for y in range(box[2], box[3] + 1):
        dy = f4(y) - v
        first, last = _row(u, A, slope, tail, dy, box)
        for x in range(first, last + 1, WIDTH):
            off = f4(x) - u - slope * dy
            term = lanes.multiply(lanes.load(image[y], u8(x)), _bells(A, tail, f4(1), off, dy, last + 1 - x))
            offsets = lanes.ramp(off)
            by_r = lanes.multiply(term, offsets)
            total, total_r = lanes.total(term), lanes.total(by_r)
            m += total
            mr += total_r
            my += total * dy
            mrr += lanes.total(lanes.multiply(by_r, offsets))
            mry += total_r * dy
            myy += total * dy * dy
    return m, mr, my, mrr, mry, myy
