"""Views that agree less than most after an adjustment, looked for again, each against those that do not stray."""

from __future__ import annotations

from dataclasses import dataclass

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
    search = _Search(images, others, expected, generator)
    result, better = poses.copy(), False
    for number in strays:
        found, cost = search.best(int(number), result, start[number])
        if cost < search.costs(int(number), result, result[number][None])[0]:
            result[number], better = found, True
    return result if better else None


@dataclass(frozen=True, eq=False)
class _Search:
    """A search for the pose of one view at a time; others: the numbers of the views that it is compared with."""

    images: Evidence
    others: np.ndarray
    expected: Array
    generator: np.random.Generator

    def best(self, number: int, poses: Array, start: Array) -> tuple[Array, float]:
        """The best of the poses that were drawn for a view, and its cost."""
        kept = start[None]
        for spread in ROUNDS:
            draws = np.repeat(kept, DRAWS // len(kept), axis=0)
            errors = spread * self.expected * self.generator.normal(size=(len(draws), 6))
            candidates = np.concatenate([kept, changed(draws, errors, self.images.center)])
            costs = self.costs(number, poses, candidates)
            ranked = np.argsort(costs)[:KEPT]
            kept = candidates[ranked]
        return kept[0], float(costs[ranked[0]])

    def costs(self, number: int, poses: Array, candidates: Array) -> Array:
        """(candidates,) the cost of a view at poses (candidates, 4, 4) against the others."""
        return robust(2 * self.images.disagreement_of(number, candidates, poses, self.others)).sum(axis=1)
