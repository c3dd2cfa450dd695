"""Which view comes next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry import View

MEMORY = 10.0
"""Views after which a direction is half forgotten, roughly."""
SHARPNESS = 4
"""Power of the cosine between two directions from which they are taken for alike."""
CHANCE = 0.1
"""By how much chance may decide, in units of one view in the same direction."""
MANY = 25
"""Fewer views than these leave much of the volume open, which the restlessness of a random order fills better."""


class Order:
    """Views in turn: each pass takes every view once, and where there are many those first that look from elsewhere.

    Steps of the views in turn hold more when each says what the ones before did not (G. Herman and L. Meyer, IEEE TMI
    1993); views from opposite sides say the same. One seed gives one order, in which any step can be asked for.
    """

    def __init__(self, views: Sequence[View], seed: int) -> None:
        directions = np.array([view.world_from_camera[:3, 2] for view in views])
        self._alike = np.abs(directions @ directions.T) ** SHARPNESS * (len(views) >= MANY)
        self._seen = np.zeros(len(views))
        self._generator = np.random.default_rng((seed, 1))
        self._order: list[int] = []

    def __call__(self, step: int) -> int:
        """The number of the view of a step, which counts from 0."""
        while step >= len(self._order):
            self._append_pass()
        return self._order[step]

    def _append_pass(self) -> None:
        left = list(range(len(self._seen)))
        while left:
            chance = CHANCE * self._generator.random(len(left))
            view = left.pop(int(np.argmin(self._seen[left] + chance)))
            self._order.append(view)
            self._seen = (1 - 1 / MEMORY) * self._seen + self._alike[view]
