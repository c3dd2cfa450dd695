"""The disagreement of a set of X-rays, as given and under alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..geometry.rigid import Array
from ..xray import XRay
from .alternatives import Alternative, Variant, all_tables, layouts
from .consistency import EpipolarPairs, radon_derivatives

SHUFFLES = 9
"""Number of random orders of the images with which the given one is compared."""

DISAGREEMENT_FLOOR = 0.02
"""Added to both disagreements before they are compared: smaller values are sampling error."""


@dataclass(frozen=True)
class Score:
    """How well an alternative explains the images.

    after: disagreement under the alternative. ratio: `after` over the disagreement of the case. worst: the largest
    ratio when one view is left out.
    """

    alternative: Alternative
    after: float
    ratio: float
    worst: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """The pairs of some views and the tables of their images in all layouts: tables[layout * views + view]."""

    pairs: EpipolarPairs
    tables: np.ndarray
    variants: tuple[Variant, ...]

    @classmethod
    def of(cls, xrays: Sequence[XRay]) -> Evidence:
        views, tables = radon_derivatives(xrays)
        pairs = EpipolarPairs.of(views)
        variants = layouts(pairs)
        return cls(pairs, all_tables(tables, variants), variants)

    @property
    def count(self) -> int:
        return len(self.pairs.views)

    @property
    def plain(self) -> np.ndarray:
        """(views,) the table of each view's own image as it is."""
        return np.arange(self.count)

    @cached_property
    def given(self) -> Array:
        """(pairs,) disagreement of the case as it is."""
        return self.pairs.disagreement(self.tables, self.plain)

    @cached_property
    def disagreement(self) -> float:
        return mean(self.given)

    @cached_property
    def shuffled(self) -> float:
        """The median disagreement of the images in random order."""
        generator = np.random.default_rng(0)
        orders = [generator.permutation(self.count) for _ in range(SHUFFLES)]
        return float(np.median([mean(self.pairs.disagreement(self.tables, order)) for order in orders]))

    @cached_property
    def by_view(self) -> Array:
        """(views,) mean disagreement of each view with the others."""
        return np.array([mean(self.given[self.touching(np.array([n]))]) for n in range(self.count)])

    def score(self, alternative: Alternative) -> Score:
        pairs = self.pairs if alternative.pairs is None else alternative.pairs
        after = pairs.disagreement(self.tables, alternative.shown)
        both = np.isfinite(after) & np.isfinite(self.given)
        if not both.any():
            return Score(alternative, np.inf, np.inf, np.inf)
        left = [
            _without_each(self.pairs, np.where(both, values + DISAGREEMENT_FLOOR, 0)) for values in (after, self.given)
        ]
        worst = float((left[0] / np.maximum(left[1], DISAGREEMENT_FLOOR)).max())
        ratio = (mean(after[both]) + DISAGREEMENT_FLOOR) / (mean(self.given[both]) + DISAGREEMENT_FLOOR)
        return Score(alternative, mean(after), ratio, worst)

    def touching(self, numbers: np.ndarray) -> np.ndarray:
        """(pairs,) whether a pair includes one of these views."""
        return np.isin(self.pairs.first, numbers) | np.isin(self.pairs.second, numbers)


def mean(values: Array) -> float:
    """The mean of the finite values; nan if there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _without_each(pairs: EpipolarPairs, values: Array) -> Array:
    """(views,) the sum over the pairs that do not include a view."""
    count = len(pairs.views)
    return values.sum() - np.bincount(pairs.first, values, count) - np.bincount(pairs.second, values, count)
