"""Bootstrap over specimens: what is rated of one specimen is not independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 4000
MIN_SPECIMENS = 5
"""Specimens below which runs are resampled instead, and the interval holds for these specimens only."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    value, low, high: nan where not defined, with the reason. items: how many it was computed from.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    items: int = 0
    reason: str = ""

    @property
    def defined(self) -> bool:
        return bool(np.isfinite(self.value))


def undefined(reason: str, items: int = 0) -> Estimate:
    return Estimate(float("nan"), items=items, reason=reason)


def resampled_over(specimens: Sequence[str]) -> str:
    """What a bootstrap resamples: "specimens", or "runs" where there are too few specimens."""
    return "specimens" if len(set(specimens)) >= MIN_SPECIMENS else "runs"


def weights(specimens: Sequence[str], seed: int, count: int = RESAMPLES) -> np.ndarray:
    """(count, n) how often each of n items occurs in each bootstrap resample (Efron, Annals of Statistics 1979).

    specimens: that of each item. All items of a specimen occur together; below MIN_SPECIMENS each item on its own.
    """
    rng = np.random.default_rng(seed)
    units = list(specimens) if resampled_over(specimens) == "specimens" else [str(n) for n in range(len(specimens))]
    _, index = np.unique(units, return_inverse=True)
    groups = int(index.max()) + 1
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=count)
    return drawn[:, index].astype(np.float64)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The percentile interval of the values of resamples; nan where fewer than half of them are defined."""
    defined = values[np.isfinite(values)]
    if len(defined) < len(values) / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def two_sided(differences: np.ndarray) -> float:
    """The two-sided bootstrap p-value of differences of resamples against 0, at least 1 / (their number + 1)."""
    defined = differences[np.isfinite(differences)]
    if not len(defined):
        return float("nan")
    fewer = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return float(min(1.0, 2 * (fewer + 1) / (len(defined) + 1)))


def bootstrapped(
    statistic: Callable[[np.ndarray], np.ndarray], specimens: Sequence[str], seed: int
) -> tuple[float, float, float]:
    """The value of a statistic and its interval. statistic: from weights (count, n) to values (count,)."""
    value = float(statistic(np.ones((1, len(specimens))))[0])
    low, high = interval(statistic(weights(specimens, seed)))
    return value, low, high
