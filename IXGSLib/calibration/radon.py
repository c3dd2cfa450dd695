"""Radon transforms of X-rays, reduced and band-pass filtered, in which planes through the source can be looked up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..compute.lanes import kernel, part
from ..compute.threads import run
from ..geometry import View
from ..xray import XRay
from ..xray.reduction import reduced

HOLE_FADE = 2.0
"""Width over which reduced images fade out around masked fiducials, pixels: a hole hides little, while a border cuts
lines off."""


@dataclass(frozen=True)
class Sampling:
    """The resolution of a Radon transform, and the filter of the images before it.

    side: fewest pixels along the longer side of the reduced images, unless the images themselves have fewer.
    angles, offsets: directions over half a turn, and distances from the image centre. background: standard deviation
    of the blur that is subtracted, and fade: width of the border over which images fade out, both as fractions of the
    longer side.
    """

    side: int = 64
    angles: int = 90
    offsets: int = 81
    background: float = 0.05
    fade: float = 0.12


def radon_transforms(xrays: Sequence[XRay], sampling: Sampling) -> tuple[list[View], np.ndarray]:
    """The views of the reduced images, and (views, angles, offsets) float32 integrals along their lines.

    The integral at row a and column k is taken along the line x cos + y sin = t about the image centre, at the angle
    pi a / angles and with t from minus to plus half of the image's diagonal.
    """
    small = [reduced(xray, max(1, max(xray.view.size) // sampling.side)) for xray in xrays]
    tables = np.zeros((len(small), sampling.angles, sampling.offsets), np.float32)
    images = [_filtered(xray, sampling) for xray in small]

    def transform(chunk: int, start: int, stop: int) -> None:
        for n in range(start, stop):
            _radon(images[n], tables[n])

    run(transform, len(small))
    return [xray.view for xray in small], tables


def derivatives(transforms: np.ndarray, blur: float = 1.0) -> np.ndarray:
    """(views, angles + 1, offsets) derivatives over the offset, blurred by a standard deviation in offsets.

    The last row repeats the first, turned by half a turn, so that every angle lies between two rows.
    """
    inner = ndimage.gaussian_filter1d(transforms, blur, axis=2, order=1, mode="constant")
    return np.concatenate([inner, -inner[:, :1, ::-1]], axis=1)


def _filtered(xray: XRay, sampling: Sampling) -> np.ndarray:
    """The band-pass filtered image, faded out at its border, times the cosine of the angle to the principal ray."""
    measured, longer = xray.mask.astype(np.float64), max(xray.view.size)
    sums = [
        ndimage.gaussian_filter(a, sampling.background * longer, mode="constant")
        for a in (xray.image * measured, measured)
    ]
    detail = (xray.image - sums[0] / np.maximum(sums[1], 1e-3)) * measured
    fade = _fade(xray.mask, sampling.fade * longer)
    K, (height, width) = xray.view.K, xray.mask.shape
    x, y = (np.arange(width) - K[0, 2]) / K[0, 0], (np.arange(height) - K[1, 2]) / K[1, 1]
    cosine = 1 / np.sqrt(1 + x**2 + y[:, None] ** 2)
    return (detail * fade * cosine).astype(np.float32)


def _fade(mask: np.ndarray, width: float) -> np.ndarray:
    """1 well within a mask, falling to 0 over a width in pixels at its border, and over HOLE_FADE around its holes."""
    field = ndimage.binary_fill_holes(mask)
    depth = ndimage.distance_transform_edt(np.pad(field, 1))[1:-1, 1:-1]
    beside = ndimage.distance_transform_edt(np.pad(mask | ~field, 1, constant_values=True))[1:-1, 1:-1]
    return np.minimum(depth / width, 1) * (np.minimum(beside / HOLE_FADE, 1) if (field & ~mask).any() else 1)


@part
def bilinear(table, y, x):
    """The value between four entries of a table; zero outside of it."""
    i, j = math.floor(y), math.floor(x)
    if i < 0 or i >= table.shape[0] - 1 or j < 0 or j >= table.shape[1] - 1:
        return 0.0
    f, g = y - i, x - j
    upper = (1 - g) * table[i, j] + g * table[i, j + 1]
    return (1 - f) * upper + f * ((1 - g) * table[i + 1, j] + g * table[i + 1, j + 1])


@kernel
def _radon(image, table):
    """Sums along the lines x cos a + y sin a = t about the image centre: rows are a, columns are t."""
    height, width = image.shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    radius = np.sqrt(height * height + width * width) / 2
    steps = math.ceil(radius)
    for a in range(table.shape[0]):
        c, s = np.cos(np.pi * a / table.shape[0]), np.sin(np.pi * a / table.shape[0])
        for k in range(table.shape[1]):
            t = radius * (2 * k / (table.shape[1] - 1) - 1)
            total = 0.0
            for m in range(-steps, steps + 1):
                total += bilinear(image, middle_y + t * s + m * c, middle_x + t * c - m * s)
            table[a, k] = total
