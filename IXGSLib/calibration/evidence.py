"""The disagreement of a set of X-rays, as given and under alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..geometry.rigid import Array
from ..xray import XRay
from .alternatives import Alternative, Variant, all_tables, layouts
from .consistency import EpipolarPairs, middle, radon_derivatives

SHUFFLES = 9
"""Number of random orders of the images with which the given one is compared."""

WINDOWS, MIN_WINDOW = 6, 5
"""Number of windows over the angles between views, and smallest number of pairs in one, for the usual disagreement."""
NARROW = 0.75
"""Width of a view's field relative to the median, below which it truncates what the other views show."""
NEIGHBOURS = 2
"""Number of neighbouring views with which each view is compared."""
MAX_DENSITY_DISAGREEMENT, MIN_PARTNERS = 0.6, 3
"""Disagreement of two views up to which their densities are compared, and smallest number of such partners."""
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
    """The pairs of some views and the tables of their images in all layouts: tables[layout * views + view].

    fields: (views,) square root of the area that each view measured, mm at the point where all views look.
    """

    pairs: EpipolarPairs
    tables: np.ndarray
    variants: tuple[Variant, ...]
    fields: Array

    @classmethod
    def of(cls, xrays: Sequence[XRay]) -> Evidence:
        views, tables = radon_derivatives(xrays)
        pairs = EpipolarPairs.of(views)
        variants = layouts(pairs)
        center = middle([xray.view for xray in xrays])
        fields = np.array([np.sqrt(xray.mask.sum()) * xray.view.pixel_size(center) for xray in xrays])
        return cls(pairs, all_tables(tables, variants), variants, fields)

    @property
    def count(self) -> int:
        return len(self.pairs.views)

    @property
    def plain(self) -> np.ndarray:
        """(views,) the table of each view's own image as it is."""
        return np.arange(self.count)

    @property
    def own_tables(self) -> np.ndarray:
        """(views, ...) the tables of the images as they are."""
        return self.tables[: self.count]

    @property
    def one_size(self) -> bool:
        return len({view.size for view in self.pairs.views}) == 1

    @property
    def is_narrow(self) -> np.ndarray:
        """(views,) which views truncate what the others show, such as magnified ones."""
        return self.fields < NARROW * np.median(self.fields)

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
        return shuffled(self.pairs, self.tables)

    @cached_property
    def by_view(self) -> Array:
        """(views,) mean disagreement of each view with the others."""
        return np.array([mean(self.given[self.touching(np.array([n]))]) for n in range(self.count)])

    @cached_property
    def unexpected(self) -> Array:
        """(views,) mean disagreement of each view minus the usual one of pairs at the same angles."""
        order = np.argsort(self.pairs.angle)
        width = min(len(order), max(MIN_WINDOW, len(order) // WINDOWS))
        starts = np.clip(np.arange(len(order)) - width // 2, 0, len(order) - width)
        windows = np.lib.stride_tricks.sliding_window_view(self.given[order], width)
        expected = np.empty(len(order))
        expected[order] = np.nanmedian(windows, axis=1)[starts]
        excess = self.given - expected
        return np.array([mean(excess[self.touching(np.array([n]))]) for n in range(self.count)])

    @cached_property
    def of_neighbours(self) -> float:
        """The median disagreement of the views with the NEIGHBOURS closest to them in angle."""
        own = [np.flatnonzero(self.touching(np.array([n]))) for n in range(self.count)]
        nearest = [pairs[np.argsort(self.pairs.angle[pairs])[:NEIGHBOURS]] for pairs in own]
        return float(np.nanmedian([mean(self.given[pairs]) for pairs in nearest]))

    @cached_property
    def densities(self) -> Array:
        """(views,) logarithm of the ratio of each view's plane integrals to those of the views that agree with it."""
        ratio = self.pairs.log_ratio(self.own_tables)
        known = np.isfinite(ratio) & (self.given < MAX_DENSITY_DISAGREEMENT)
        found = np.zeros(self.count)
        for n in range(self.count):
            own = np.r_[ratio[known & (self.pairs.first == n)], -ratio[known & (self.pairs.second == n)]]
            found[n] = np.median(own) if len(own) >= MIN_PARTNERS else 0.0
        return found

    def score(self, alternative: Alternative) -> Score:
        pairs = self.pairs if alternative.pairs is None else alternative.pairs
        tables = self.tables if alternative.tables is None else alternative.tables
        after = pairs.disagreement(tables, alternative.shown)
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


def shuffled(pairs: EpipolarPairs, tables: np.ndarray) -> float:
    """The median disagreement of the views' images in random order; tables: those of the images come first."""
    generator, count = np.random.default_rng(0), len(pairs.views)
    orders = [generator.permutation(count) for _ in range(SHUFFLES)]
    return float(np.median([mean(pairs.disagreement(tables, order)) for order in orders]))


def mean(values: Array) -> float:
    """The mean of the finite values; nan if there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _without_each(pairs: EpipolarPairs, values: Array) -> Array:
    """(views,) the sum over the pairs that do not include a view."""
    count = len(pairs.views)
    return values.sum() - np.bincount(pairs.first, values, count) - np.bincount(pairs.second, values, count)
