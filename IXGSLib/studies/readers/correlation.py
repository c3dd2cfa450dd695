"""Correlation of metrics with ratings, and which metric follows readers better than another."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import IXGSError
from ...evaluation.labels import lower_is_better
from .key import Run
from .ratings import Ratings
from .resampling import LEVEL, Estimate, interval, two_sided, undefined, weights

MIN_RUNS = 5
"""Rated runs with a metric below which no correlation is stated."""
MIN_MIXED_RUNS = 10
"""The same for a mixed model, whose intervals are those of large samples."""
BASELINES = ("volume_psnr", "volume_ssim")
"""Metrics that the others are compared with."""


@dataclass(frozen=True)
class Correlation:
    """How a metric follows the mean ratings of runs; positive where a better metric means a better rating.

    slope: rating categories for each standard deviation of the metric, by a mixed model with random intercepts of the
    specimens. p_value: of that slope.
    """

    question: str
    metric: str
    spearman: Estimate
    kendall: Estimate
    slope: Estimate
    p_value: float


@dataclass(frozen=True)
class Difference:
    """A metric compared with a baseline on the same runs.

    spearman: the difference of the two rank correlations, positive where the metric follows the readers better.
    p_value: two-sided, by the paired bootstrap. adjusted: the same by Holm's correction for all comparisons of a study.
    """

    question: str
    metric: str
    baseline: str
    spearman: Estimate
    p_value: float
    adjusted: float = float("nan")

    @property
    def better(self) -> bool:
        return self.spearman.value > 0 and self.adjusted < 1 - LEVEL


def mean_ratings(ratings: Ratings, question: str) -> dict[str, float]:
    """The mean over readers for each run; of a reader who saw it more than once, the mean of that reader."""
    found: dict[str, dict[str, list[int]]] = {}
    for rating in ratings.ratings:
        if question in rating.answers:
            found.setdefault(rating.run, {}).setdefault(rating.reader, []).append(rating.answers[question])
    return {run: float(np.mean([np.mean(answers) for answers in by.values()])) for run, by in found.items()}


def correlation(
    question: str, rated: Mapping[str, float], metric: str, runs: Mapping[str, Run], seed: int = 0
) -> Correlation:
    """The correlation of a metric with the mean ratings, by the name of the run; intervals resample specimens."""
    names = with_metrics(rated, (metric,), runs)
    if len(names) < MIN_RUNS:
        lost = undefined(f"{len(names)} rated runs with this metric, expected at least {MIN_RUNS}", len(names))
        return Correlation(question, metric, lost, lost, lost, float("nan"))
    x, y = signed(metric, names, runs), np.array([rated[name] for name in names])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        lost = undefined("all ratings or all values of the metric are the same", len(names))
        return Correlation(question, metric, lost, lost, lost, float("nan"))
    specimens = [runs[name].specimen for name in names]
    drawn, once = weights(specimens, seed), np.ones((1, len(names)))
    estimates = []
    for statistic in (spearman, kendall):
        value = float(statistic(x, y, once)[0])
        estimates.append(Estimate(value, *interval(statistic(x, y, drawn)), len(names)))
    slope, p_value = mixed_slope(x, y, specimens)
    return Correlation(question, metric, estimates[0], estimates[1], slope, p_value)


def difference(
    question: str, rated: Mapping[str, float], pair: tuple[str, str], runs: Mapping[str, Run], seed: int = 0
) -> Difference:
    """A metric compared with a baseline, on the runs that have both. pair: the metric and the baseline."""
    names = with_metrics(rated, pair, runs)
    if len(names) < MIN_RUNS:
        lost = undefined(f"{len(names)} rated runs with both metrics, expected at least {MIN_RUNS}", len(names))
        return Difference(question, *pair, lost, float("nan"))
    y = np.array([rated[name] for name in names])
    values = [signed(metric, names, runs) for metric in pair]
    if np.ptp(y) == 0 or any(np.ptp(each) == 0 for each in values):
        lost = undefined("all ratings or all values of a metric are the same", len(names))
        return Difference(question, *pair, lost, float("nan"))
    drawn, once = weights([runs[name].specimen for name in names], seed), np.ones((1, len(names)))
    value = float((spearman(values[0], y, once) - spearman(values[1], y, once))[0])
    resampled = spearman(values[0], y, drawn) - spearman(values[1], y, drawn)
    return Difference(question, *pair, Estimate(value, *interval(resampled), len(names)), two_sided(resampled))


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with p-values adjusted for their number (Holm, Scandinavian Journal of Statistics 1979)."""
    multitest = _statsmodels("stats.multitest")
    defined = [n for n, each in enumerate(differences) if np.isfinite(each.p_value)]
    if not defined:
        return list(differences)
    adjusted = multitest.multipletests([differences[n].p_value for n in defined], method="holm")[1]
    by_place = dict(zip(defined, adjusted, strict=True))
    return [replace(each, adjusted=float(by_place.get(n, np.nan))) for n, each in enumerate(differences)]


def with_metrics(rated: Mapping[str, float], metrics: Sequence[str], runs: Mapping[str, Run]) -> list[str]:
    """The rated runs for which all of some metrics are defined."""
    return sorted(name for name in rated if all(_finite(runs[name].metrics.get(metric)) for metric in metrics))


def signed(metric: str, names: Sequence[str], runs: Mapping[str, Run]) -> np.ndarray:
    """The values of a metric, with their sign changed where lower is better."""
    values = np.array([runs[name].metrics[metric] for name in names], dtype=np.float64)
    return -values if lower_is_better(metric) else values


def spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(count,) Spearman's rank correlation of n items for weights (count, n), how often each item occurs."""
    ranks = [weights @ (0.5 * (1 + np.sign(each[None, :] - each[:, None]))) for each in (x, y)]
    total = weights.sum(axis=1, keepdims=True)
    centred = [rank - (weights * rank).sum(axis=1, keepdims=True) / total for rank in ranks]
    products = [
        (weights * a * b).sum(axis=1) for a, b in ((centred[0], centred[1]), *zip(centred, centred, strict=True))
    ]
    return _ratio(products[0], products[1] * products[2])


def kendall(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(count,) Kendall's tau-b of n items for weights (count, n), how often each item occurs."""
    a, b = (np.sign(each[None, :] - each[:, None]) for each in (x, y))
    sums = [((weights @ product) * weights).sum(axis=1) for product in (a * b, a * a, b * b)]
    return _ratio(sums[0], sums[1] * sums[2])


def mixed_slope(x: np.ndarray, y: np.ndarray, specimens: Sequence[str]) -> tuple[Estimate, float]:
    """The slope of ratings against a metric in its standard deviations, with random intercepts of the specimens.

    A linear mixed model by restricted maximum likelihood; the interval and the p-value are Wald's.
    """
    count = len(set(specimens))
    if len(x) < MIN_MIXED_RUNS:
        return undefined(f"{len(x)} runs for a mixed model, expected at least {MIN_MIXED_RUNS}", len(x)), np.nan
    if not 1 < count < len(x):
        return undefined(
            f"{count} specimens with {len(x)} runs, expected several with several runs each", len(x)
        ), np.nan
    model = _statsmodels("regression.mixed_linear_model").MixedLM
    design = np.column_stack([np.ones(len(x)), (x - x.mean()) / x.std()])
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            fit = model(y, design, groups=np.asarray(specimens)).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError) as error:
            return undefined(f"the mixed model cannot be fitted ({error})", len(x)), float("nan")
    low, high = np.asarray(fit.conf_int(alpha=1 - LEVEL))[1]
    value, p_value = float(fit.params[1]), float(fit.pvalues[1])
    if not fit.converged or not np.isfinite([value, low, high, p_value]).all():
        return undefined("the mixed model did not converge", len(x)), float("nan")
    return Estimate(value, float(low), float(high), len(x)), p_value


def _ratio(product: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """A correlation, nan where one side does not vary."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(squares > 1e-18, product / np.sqrt(np.maximum(squares, 1e-300)), np.nan)


def _finite(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _statsmodels(module: str):
    """A module of statsmodels; raises IXGSError where it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"statsmodels.{module}")
    except ModuleNotFoundError as error:
        raise IXGSError(
            "the analysis of readers needs statsmodels, which is not installed; pip install 'IXGSLib[readers]'"
        ) from error
