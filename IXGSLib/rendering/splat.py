"""Drawing one footprint into an image, and gathering an image back under it; compiled for the CPU.

Eight columns are drawn at once. Down the rows a Gaussian is a geometric sequence whose ratio is itself geometric, so a
pixel costs two products and no exponential. A narrow oblique footprint would underflow at the corners of its box, where
such a sequence has to start; it is drawn row by row instead, from inside its ellipse.

Images are (height, width + WIDTH) float32, the last columns room for a block that begins in the image and ends beyond.
A box is (left, right, top, bottom) in whole pixels, both ends included, inside the image.
"""

from __future__ import annotations

import math

import numpy as np

from . import lanes
from .lanes import WIDTH, kernel

f4 = np.float32
u8 = np.uint64

DEEPEST = 70.0
"""The largest exponent at the corner of a box from which the sequences still start safely in float32."""
FAINTEST = 16.0
"""Exponent beyond which a narrow footprint is not drawn: 1e-7 of its peak."""


@kernel
def clipped(mean, reach, length):
    """First and last whole pixel within `reach` of `mean` and inside 0 to length - 1; none when first > last."""
    return max(0, math.ceil(mean - reach)), min(length - 1, math.floor(mean + reach))


@kernel
def _is_round(u, v, A, B, C, box):
    """Whether every exponent in a box is small enough for the sequences."""
    dx, dy = max(u - f4(box[0]), f4(box[1]) - u), max(v - f4(box[2]), f4(box[3]) - v)
    return f4(0.5) * (A * dx * dx + C * dy * dy) + abs(B) * dx * dy < f4(DEEPEST)


@kernel
def _row(u, A, B, C, dy, box):
    """First and last column of a row in which a narrow footprint is brighter than FAINTEST; none when first > last."""
    rest = f4(2 * FAINTEST) - (C - B * B / A) * dy * dy
    if rest < 0:
        return 1, 0
    middle, reach = u - B * dy / A, math.sqrt(rest / A)
    return max(box[0], math.ceil(middle - reach)), min(box[1], math.floor(middle + reach))


@kernel
def draw(image, u, v, A, B, C, peak, box):
    """Add peak exp(-1/2 (A dx^2 + 2 B dx dy + C dy^2)) around (u, v) to the box of an image."""
    left, right, top, bottom = box
    half = f4(0.5)
    curve_x = math.exp(-A)
    if _is_round(u, v, A, B, C, box):
        dy = f4(top) - v
        cross, curve_y = math.exp(-B), math.exp(-C)
        for x in range(left, right + 1, WIDTH):
            dx = f4(x) - u
            first = peak * math.exp(-half * (A * dx * dx + C * dy * dy) - B * dx * dy)
            value = lanes.bell(first, math.exp(-A * (dx + half) - B * dy), curve_x, right + 1 - x)
            ratio = lanes.geometric(math.exp(-B * dx - C * (dy + half)), cross)
            for y in range(u8(top), u8(bottom + 1)):
                lanes.store(image[y], u8(x), lanes.add(lanes.load(image[y], u8(x)), value))
                value = lanes.multiply(value, ratio)
                ratio = lanes.scale(ratio, curve_y)
        return
    for y in range(top, bottom + 1):
        dy = f4(y) - v
        first_x, last_x = _row(u, A, B, C, dy, box)
        for x in range(first_x, last_x + 1, WIDTH):
            dx = f4(x) - u
            first = peak * math.exp(-half * (A * dx * dx + C * dy * dy) - B * dx * dy)
            value = lanes.bell(first, math.exp(-A * (dx + half) - B * dy), curve_x, last_x + 1 - x)
            lanes.store(image[y], u8(x), lanes.add(lanes.load(image[y], u8(x)), value))


@kernel
def moments(image, u, v, A, B, C, box):
    """Sums over a box of exp(-1/2 (A dx^2 + 2 B dx dy + C dy^2)) image times 1, dx, dy, dx^2, dx dy, dy^2."""
    left, right, top, bottom = box
    half, one = f4(0.5), f4(1)
    m, mx, my, mxx, mxy, myy = f4(0), f4(0), f4(0), f4(0), f4(0), f4(0)
    curve_x = math.exp(-A)
    if _is_round(u, v, A, B, C, box):
        cross, curve_y = math.exp(-B), math.exp(-C)
        for x in range(left, right + 1, WIDTH):
            dx, dy = f4(x) - u, f4(top) - v
            first = math.exp(-half * (A * dx * dx + C * dy * dy) - B * dx * dy)
            value = lanes.bell(first, math.exp(-A * (dx + half) - B * dy), curve_x, right + 1 - x)
            ratio = lanes.geometric(math.exp(-B * dx - C * (dy + half)), cross)
            plain, by_y, by_yy = lanes.zeros(), lanes.zeros(), lanes.zeros()
            for y in range(u8(top), u8(bottom + 1)):
                term = lanes.multiply(lanes.load(image[y], u8(x)), value)
                plain = lanes.add(plain, term)
                term = lanes.scale(term, dy)
                by_y = lanes.add(by_y, term)
                by_yy = lanes.add(by_yy, lanes.scale(term, dy))
                value = lanes.multiply(value, ratio)
                ratio = lanes.scale(ratio, curve_y)
                dy += one
            offsets = lanes.ramp(dx)
            by_x = lanes.multiply(plain, offsets)
            m += lanes.total(plain)
            mx += lanes.total(by_x)
            my += lanes.total(by_y)
            mxx += lanes.total(lanes.multiply(by_x, offsets))
            mxy += lanes.total(lanes.multiply(by_y, offsets))
            myy += lanes.total(by_yy)
        return m, mx, my, mxx, mxy, myy
    for y in range(top, bottom + 1):
        dy = f4(y) - v
        first_x, last_x = _row(u, A, B, C, dy, box)
        for x in range(first_x, last_x + 1, WIDTH):
            dx = f4(x) - u
            first = math.exp(-half * (A * dx * dx + C * dy * dy) - B * dx * dy)
            value = lanes.bell(first, math.exp(-A * (dx + half) - B * dy), curve_x, last_x + 1 - x)
            term = lanes.multiply(lanes.load(image[y], u8(x)), value)
            offsets = lanes.ramp(dx)
            by_x = lanes.multiply(term, offsets)
            total, total_x = lanes.total(term), lanes.total(by_x)
            m += total
            mx += total_x
            my += total * dy
            mxx += lanes.total(lanes.multiply(by_x, offsets))
            mxy += total_x * dy
            myy += total * dy * dy
    return m, mx, my, mxx, mxy, myy
