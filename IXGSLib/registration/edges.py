"""How far the edges of a registered bone lie from those of the X-rays, in small neighbourhoods.

The residual of a correlation grows with soft tissue and noise as well as with wrong shapes. Where the edges of the bone
would fit best if each neighbourhood could shift by itself tells the two apart: with the right bone at the right place
hardly any would shift, noise included; the bone of another patient never fits everywhere.
"""

from __future__ import annotations

import numpy as np

from .adjustment import Window
from .projection import IMAGE, TARGET

REACH_MM = 5.0
"""Largest shift that is tried, in both directions of the X-ray."""
NEIGHBOURHOOD_MM = 12.0
"""Side of the neighbourhoods."""


def edge_distance(window: Window, own: np.ndarray) -> float:
    """The median in mm, at the bone, of the local shifts in all views; nan where there are no edges.

    window: around the bone. own: (views, height, width) float32 its line integrals in it. Neighbourhoods count by the
    strength of their edges.
    """
    drawn = window.lanes[..., IMAGE] + own
    pixel = window.stack.pixel
    found = [
        _shifts(picture, image, weight, pixel)
        for picture, image, weight in zip(window.lanes[..., TARGET], drawn, window.weights, strict=True)
    ]
    distances, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if not weights.sum() > 0:
        return float("nan")
    order = np.argsort(distances)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(distances[order][np.searchsorted(share, 0.5)])


def _shifts(picture: np.ndarray, image: np.ndarray, weight: np.ndarray, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """The best shift in mm and the weight of each neighbourhood of one view."""
    reach, side = max(1, round(REACH_MM / pixel)), max(3, round(NEIGHBOURHOOD_MM / pixel))
    counted = weight > 0
    other = np.array(np.gradient(picture))
    own = np.array(np.gradient(image)) * weight
    padded = np.pad(other, ((0, 0), (reach, reach), (reach, reach)))
    energy = _sums(np.square(own).sum(axis=0), side)
    height, width = picture.shape
    scores = np.empty((2 * reach + 1, 2 * reach + 1, energy.size), np.float32)
    for n in range(2 * reach + 1):
        for m in range(2 * reach + 1):
            moved = padded[:, n : n + height, m : m + width]
            strength = _sums((moved[0] ** 2 + moved[1] ** 2) * counted, side)
            product = _sums(own[0] * moved[0] + own[1] * moved[1], side)
            scores[n, m] = (product / np.sqrt(np.maximum(strength * energy, 1e-20))).ravel()
    best = scores.reshape(-1, energy.size).argmax(axis=0)
    y, x = np.divmod(best, 2 * reach + 1)
    along = (y + _vertex(scores, y, x, 0) - reach, x + _vertex(scores, y, x, 1) - reach)
    return np.hypot(*along) * pixel, energy.ravel()


def _sums(values: np.ndarray, side: int) -> np.ndarray:
    """The sums over blocks of side x side pixels; those at the right and the bottom may be smaller."""
    return np.add.reduceat(
        np.add.reduceat(values, np.arange(0, values.shape[0], side), axis=0),
        np.arange(0, values.shape[1], side),
        axis=1,
    )


def _vertex(scores: np.ndarray, y: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """The vertex of the parabola through the best score and its neighbours along an axis, in steps from it."""
    index, last = (y, x)[axis], scores.shape[axis] - 1
    before, after = np.maximum(index - 1, 0), np.minimum(index + 1, last)
    each = np.arange(len(y))
    low, high = (scores[n, x, each] if axis == 0 else scores[y, n, each] for n in (before, after))
    bend = low - 2 * scores[y, x, each] + high
    inside = (bend < 0) & (before < index) & (after > index)
    return np.clip(np.where(inside, (low - high) / (2 * np.where(inside, bend, 1)), 0), -0.5, 0.5)
