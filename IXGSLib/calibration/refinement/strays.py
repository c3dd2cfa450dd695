"""Views that agree with no other after an adjustment, looked for again, each against all others."""

from __future__ import annotations

import numpy as np

from ...geometry.rigid import Array
from ...geometry.twists import changed
from .adjustment import robust
from .epipolar import Evidence

STRAY_RATIO = 1.25
"""A view strays when its mean disagreement exceeds this multiple of the median; some that do are right and stay."""
MAX_STRAYS = 1 / 3
"""Largest fraction of the views that is looked for; with more, the others cannot be relied on."""
DRAWS, KEPT = 512, 8
"""Poses that are drawn in each round, and the best of them, around which the next round draws."""
ROUNDS = (1.0, 0.5, 0.25)
"""Spread of the draws of each round, as a fraction of the expected errors."""


def strays_of(images: Evidence, poses: Array) -> np.ndarray:
    """The numbers of the views that stray, the worst first; none if they are too many."""
    by_view = images.by_view(images.disagreement(poses))
    strays = np.flatnonzero(by_view > STRAY_RATIO * np.median(by_view))
    return strays[np.argsort(-by_view[strays])] if len(strays) <= MAX_STRAYS * len(poses) else strays[:0]


def found_again(
    images: Evidence, poses: Array, start: Array, expected: Array, generator: np.random.Generator
) -> Array | None:
    """Poses (views, 4, 4) in which stray views are where they agree best with the others; None if none is better.

    start: (views, 4, 4) poses around which to look, in the frame of `poses`. expected: (6,) standard deviations of
    their errors in radians and mm.
    """
    strays = strays_of(images, poses)
    others = np.setdiff1d(np.arange(len(poses)), strays)
    result, better = poses.copy(), False
    for number in strays:
        found, cost = _search(images, result, int(number), others, start[number], expected, generator)
        if cost < _costs(images, result, int(number), result[number][None], others)[0]:
            result[number], better = found, True
    return result if better else None


def _search(
    images: Evidence,
    poses: Array,
    number: int,
    others: np.ndarray,
    start: Array,
    expected: Array,
    generator: np.random.Generator,
) -> tuple[Array, float]:
    """The best of the poses that were drawn for a view, and its cost."""
    kept = start[None]
    for spread in ROUNDS:
        draws = np.repeat(kept, DRAWS // len(kept), axis=0)
        draws = changed(draws, spread * expected * generator.normal(size=(len(draws), 6)), images.center)
        candidates = np.concatenate([kept, draws])
        costs = _costs(images, poses, number, candidates, others)
        best = np.argsort(costs)[:KEPT]
        kept = candidates[best]
    return kept[0], float(costs[best[0]])


def _costs(images: Evidence, poses: Array, number: int, candidates: Array, others: np.ndarray) -> Array:
    """(candidates,) the cost of one view at poses (candidates, 4, 4) against other views."""
    return robust(2 * images.disagreement_of(number, candidates, poses, others)).sum(axis=1)
