"""What surrounds an image: a border of one value around the field, and what lies beyond the border of the image."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .circle import Array

MIN_BORDER_SHARE = 0.01
"""Smallest share of the image that an area of one value at its edge must have to count as a border."""
MAX_BESIDE_RATIO = 0.5
"""Largest ratio of the intensity just beside a white border to that farther away: next to a shutter lie shadow and
penumbra, next to an overexposed field the thin skin of the patient."""
BESIDE_PIXELS, FARTHER_PIXELS = (2, 4), (8, 20)
"""Distances from a white border at which these intensities are taken, from and to."""
EXTENSION_PIXELS = 40
"""Pixels by which an image is extended on each side."""
FALL_DEPTH, FALL_WIDTH = 8, 15
"""Pixels across and along the edge of the image over which the fall towards it is measured."""
MIN_FALL = 0.06
"""Fall of the logarithm of intensity per pixel below which anatomy explains it, and the edge is repeated."""
MAX_FALL = 3.0
"""Largest total fall of the logarithm of intensity beyond the edge of the image."""
MIN_RELATIVE_INTENSITY = 1e-4
"""Fraction of the brightest intensities below which intensities count as equally dark."""


def one_valued_border(image: Array) -> Array:
    """(rows, columns) bool: a border of the smallest or of the largest value of a small image, if it has one.

    Image intensifiers leave zeros around their round field, and displays show shutters and padding white.
    """
    low, high = float(image.min()), float(image.max())
    tolerance = 1e-6 * (high - low)
    black, white = _at_the_edge(image <= low + tolerance), _at_the_edge(image >= high - tolerance)
    if not white.any() or not _is_shutter(white, image):
        return black
    return black | ndimage.binary_dilation(white)  # where both sides of its edge share a pixel


def _is_shutter(white: Array, image: Array) -> bool:
    distance = ndimage.distance_transform_edt(~white)
    beside, farther = (image[(distance >= near) & (distance <= far)] for near, far in (BESIDE_PIXELS, FARTHER_PIXELS))
    return bool(beside.size and farther.size and np.median(beside) < MAX_BESIDE_RATIO * np.median(farther))


def _at_the_edge(chosen: Array) -> Array:
    """The connected parts of a mask that touch the edge of the image, none where they are small."""
    labels, _ = ndimage.label(chosen)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    found = np.isin(labels, touching[touching > 0])
    return found if found.mean() >= MIN_BORDER_SHARE else np.zeros_like(found)


def extended(image: Array) -> Array:
    """A small image of intensities with EXTENSION_PIXELS more on each side.

    Where intensity falls steeply towards the edge of the image, as in the penumbra of a blade whose shadow lies beyond
    it, it goes on to fall; elsewhere the edge is repeated.
    """
    floor = MIN_RELATIVE_INTENSITY * max(float(np.percentile(image, 99)), 1e-30)
    level = np.log(np.maximum(ndimage.gaussian_filter(image, 1.0), floor))
    edge = np.pad(level, EXTENSION_PIXELS, mode="edge")
    inner = np.pad(level[FALL_DEPTH:-FALL_DEPTH, FALL_DEPTH:-FALL_DEPTH], EXTENSION_PIXELS + FALL_DEPTH, mode="edge")
    fall = ndimage.uniform_filter(np.maximum(inner - edge, 0) / FALL_DEPTH, FALL_WIDTH)
    beyond = np.pad(np.zeros(image.shape, bool), EXTENSION_PIXELS, constant_values=True)
    distance = ndimage.distance_transform_edt(beyond)
    further = edge - np.where(fall < MIN_FALL, 0, np.minimum(fall * distance, MAX_FALL))
    return np.where(beyond, np.exp(further), np.pad(image, EXTENSION_PIXELS)).astype(np.float32)
