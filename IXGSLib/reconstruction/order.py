"""The order in which the views are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry import View

MEMORY_VIEWS = 10.0
"""Approximate number of views after which the weight of a direction has decayed to 1 / e."""
SIMILARITY_POWER = 4
"""Power of the cosine between two directions that measures how similar they are."""
RANDOM_WEIGHT = 0.1
"""Weight of randomness in the choice, relative to one view in the same direction."""
MIN_ORDERED_VIEWS = 25
"""Number of views from which the order is not random; fewer leave much undetermined, and a random order does better."""


class Order:
    """The order of the views: each pass uses every view once, and with many views those in new directions come first.

    Steps on single views gain more if each view differs from the preceding ones (G. Herman and L. Meyer, IEEE TMI
    1993); opposite views count as alike. The seed determines the order, in which any step can be looked up.
    """

    def __init__(self, views: Sequence[View], seed: int) -> None:
        directions = np.array([view.world_from_camera[:3, 2] for view in views])
        self._similarity = np.abs(directions @ directions.T) ** SIMILARITY_POWER * (len(views) >= MIN_ORDERED_VIEWS)
        self._recent = np.zeros(len(views))
        self._generator = np.random.default_rng((seed, 1))
        self._order: list[int] = []

    def __call__(self, step: int) -> int:
        """The number of the view of a step, counted from 0."""
        while step >= len(self._order):
            self._append_pass()
        return self._order[step]

    def _append_pass(self) -> None:
        left = list(range(len(self._recent)))
        while left:
            chance = RANDOM_WEIGHT * self._generator.random(len(left))
            view = left.pop(int(np.argmin(self._recent[left] + chance)))
            self._order.append(view)
            self._recent = (1 - 1 / MEMORY_VIEWS) * self._recent + self._similarity[view]
