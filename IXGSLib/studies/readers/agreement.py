"""Agreement between readers, and within each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from .ratings import CATEGORIES, Rating, Ratings
from .resampling import LEVEL, Estimate, bootstrapped, undefined

MIN_ITEMS = 3
"""Items below which no agreement is stated."""


@dataclass(frozen=True)
class Agreement:
    """The agreement about one question.

    inter_kappa: mean weighted kappa over all pairs of readers. inter_icc: ICC(A,1) of what all readers rated.
    intra_kappa, intra_icc: of first and second showings, over all readers. by_reader: the last two for each reader.
    """

    question: str
    inter_kappa: Estimate
    inter_icc: Estimate
    intra_kappa: Estimate
    intra_icc: Estimate
    by_reader: Mapping[str, tuple[Estimate, Estimate]]


def agreement(ratings: Ratings, question: str, specimens: Mapping[str, str], seed: int = 0) -> Agreement:
    """The agreement about a question. specimens: that of each run, by its name, over which intervals resample."""
    first = first_showings(ratings.ratings, question)
    pairs = {reader: _repeats(ratings.ratings, reader, question) for reader in ratings.readers}
    everything = [pair for found in pairs.values() for pair in found]
    return Agreement(
        question,
        _inter_kappa(first, specimens, seed),
        _inter_icc(first),
        _intra_kappa(everything, specimens, seed),
        _intra_icc(everything),
        {reader: (_intra_kappa(found, specimens, seed), _intra_icc(found)) for reader, found in pairs.items()},
    )


def first_showings(ratings: Sequence[Rating], question: str) -> dict[str, dict[str, int]]:
    """By reader the answer for each run, from its first showing; of several sets, the first one that was rated."""
    found: dict[str, dict[str, int]] = {}
    for rating in sorted(ratings, key=lambda rating: (rating.showing, rating.set, rating.number)):
        if question in rating.answers:
            found.setdefault(rating.reader, {}).setdefault(rating.run, rating.answers[question])
    return found


def icc(table: np.ndarray) -> Estimate:
    """ICC(A,1): absolute agreement of single ratings by two-way random effects, with its interval.

    table: (n, k) ratings of n items by k readers, complete. McGraw and Wong, Psychological Methods 1996, which is
    ICC(2,1) of Shrout and Fleiss, Psychological Bulletin 1979.
    """
    n, k = table.shape
    if n < MIN_ITEMS or k < 2:
        return undefined(f"{n} items rated by {k}, expected at least {MIN_ITEMS} by 2", n)
    mean = table.mean()
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    between = k * float(((rows - mean) ** 2).sum()) / (n - 1)
    readers = n * float(((columns - mean) ** 2).sum()) / (k - 1)
    residual = table - rows[:, None] - columns + mean
    error = float((residual**2).sum()) / ((n - 1) * (k - 1))
    if between + (k - 1) * error + k / n * (readers - error) <= 1e-12:
        return undefined("all ratings are the same", n)
    value = (between - error) / (between + (k - 1) * error + k / n * (readers - error))
    low, high = _icc_interval(value, (n, k), (between, readers, error))
    return Estimate(float(value), low, high, n)


def _icc_interval(value: float, shape: tuple[int, int], squares: tuple[float, float, float]) -> tuple[float, float]:
    """The interval of ICC(A,1) by Satterthwaite's approximation. squares: between items, between readers, error."""
    (n, k), (between, readers, error) = shape, squares
    if value >= 1 - 1e-12:
        return 1.0, 1.0
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    freedom = (a * readers + b * error) ** 2 / max(
        (a * readers) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)), 1e-300
    )
    if not freedom > 0:
        return float("nan"), float("nan")
    tail = (1 + LEVEL) / 2
    upper, lower = stats.f.ppf(tail, n - 1, freedom), stats.f.ppf(tail, freedom, n - 1)
    rest = k * readers + (k * n - k - n) * error
    low = n * (between - upper * error) / (upper * rest + n * between)
    high = n * (lower * between - error) / (rest + n * lower * between)
    return float(low), float(min(high, 1.0))


def kappas(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(count,) quadratically weighted kappa of two raters for weights (count, n) of n items; nan where undefined."""
    disagreement = weights @ ((first - second) ** 2.0) / weights.sum(axis=1)
    shares = [weights @ np.eye(CATEGORIES + 1)[each] / weights.sum(axis=1)[:, None] for each in (first, second)]
    levels = np.arange(CATEGORIES + 1)
    chance = np.einsum("bi,ij,bj->b", shares[0], (levels[:, None] - levels) ** 2.0, shares[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance > 0, 1 - disagreement / chance, np.nan)


def _inter_kappa(first: Mapping[str, Mapping[str, int]], specimens: Mapping[str, str], seed: int) -> Estimate:
    """The mean over all pairs of readers, of the runs that both rated."""
    if len(first) < 2:
        return undefined(f"{len(first)} reader answered, expected at least 2")
    runs = sorted({run for answers in first.values() for run in answers})
    pairs = []
    for one, other in combinations(first.values(), 2):
        both = np.array([run in one and run in other for run in runs])
        values = [np.array([answers.get(run, 0) for run in runs]) for answers in (one, other)]
        if int(both.sum()) >= MIN_ITEMS:
            pairs.append((*values, both))
    if not pairs:
        return undefined(f"no two readers rated the same {MIN_ITEMS} runs")

    def mean(weights: np.ndarray) -> np.ndarray:
        found = np.stack([kappas(a, b, np.where(both, weights, 0) + 1e-12 * both) for a, b, both in pairs])
        defined = np.isfinite(found)
        total = np.where(defined, found, 0).sum(axis=0)
        return np.where(defined.any(axis=0), total / np.maximum(defined.sum(axis=0), 1), np.nan)

    value, low, high = bootstrapped(mean, [specimens[run] for run in runs], seed)
    if not np.isfinite(value):
        return undefined("all ratings are the same", len(runs))
    return Estimate(value, low, high, len(runs))


def _inter_icc(first: Mapping[str, Mapping[str, int]]) -> Estimate:
    if len(first) < 2:
        return undefined(f"{len(first)} reader answered, expected at least 2")
    shared = sorted(set.intersection(*(set(answers) for answers in first.values())))
    return icc(np.array([[answers[run] for answers in first.values()] for run in shared]).reshape(-1, len(first)))


def _repeats(ratings: Sequence[Rating], reader: str, question: str) -> list[tuple[str, int, int]]:
    """(run, first answer, second answer) of the runs that a reader rated twice."""
    answers = {
        (rating.set, rating.run, rating.showing): rating.answers[question]
        for rating in ratings
        if rating.reader == reader and question in rating.answers
    }
    twice = sorted((name, run) for name, run, showing in answers if showing == 2 and (name, run, 1) in answers)
    return [(run, answers[name, run, 1], answers[name, run, 2]) for name, run in twice]


def _intra_kappa(pairs: Sequence[tuple[str, int, int]], specimens: Mapping[str, str], seed: int) -> Estimate:
    if len(pairs) < MIN_ITEMS:
        return undefined(f"{len(pairs)} runs rated twice, expected at least {MIN_ITEMS}", len(pairs))
    first, second = (np.array([pair[n] for pair in pairs]) for n in (1, 2))
    value, low, high = bootstrapped(
        lambda weights: kappas(first, second, weights), [specimens[run] for run, _, _ in pairs], seed
    )
    if not np.isfinite(value):
        return undefined("all ratings are the same", len(pairs))
    return Estimate(value, low, high, len(pairs))


def _intra_icc(pairs: Sequence[tuple[str, int, int]]) -> Estimate:
    return icc(np.array([pair[1:] for pair in pairs], dtype=np.float64).reshape(-1, 2))
