"""Statistics of a study: means with confidence intervals, paired differences, the knee of a curve."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from .folder import Record

LEVEL = 0.95
MIN_BOOTSTRAP = 8
"""Independent values from which an interval is a bootstrap's; fewer are too few to resample."""
MIN_INTERVAL = 3
RESAMPLES = 4000
LOWER = ("distance", "error", "tilt", "breach")
"""Parts of the names of metrics that are better when they are lower."""


@dataclass(frozen=True)
class Mean:
    """A mean with its confidence interval.

    low, high: nan where there are fewer than MIN_INTERVAL independent values. values: how many there are.
    independent: of how many patients they are, or their own number where these are too few for an interval.
    over: "patients" or "runs", whichever the interval resamples.
    """

    mean: float
    low: float
    high: float
    values: int
    independent: int
    over: str

    @property
    def has_interval(self) -> bool:
        return bool(np.isfinite(self.low))


@dataclass(frozen=True)
class Difference:
    """A level of a factor compared with the reference in pairs that differ in nothing else.

    difference: level minus reference. better: the fraction of pairs in which the level is better. lost: pairs that are
    missing because a run failed or has no value of the metric that the other has.
    """

    level: Any
    difference: Mean
    better: float
    lost: int


def share_interval(count: int, total: int) -> tuple[float, float]:
    """The exact confidence interval of a share of independent runs (Clopper and Pearson, Biometrika 26, 1934)."""
    tail = (1 - LEVEL) / 2
    low = stats.beta.ppf(tail, count, total - count + 1) if count else 0.0
    high = stats.beta.ppf(1 - tail, count + 1, total - count) if count < total else 1.0
    return float(low), float(high)


def lower_is_better(metric: str) -> bool:
    return any(part in metric for part in LOWER)


def mean_of(values: Iterable[tuple[str, float]], seed: int = 0) -> Mean | None:
    """The mean of values, given with their patients, and its interval; None without values.

    The values of a patient are averaged first, since they depend on each other. With fewer than MIN_INTERVAL patients
    the interval is that of the runs, and holds for these patients only. From MIN_BOOTSTRAP values on it is a bootstrap
    (BCa; Efron, J. Am. Stat. Assoc. 82 (1987)), with fewer Student's.
    """
    by_patient: dict[str, list[float]] = defaultdict(list)
    for patient, value in values:
        by_patient[patient].append(value)
    if not by_patient:
        return None
    everything = np.concatenate(list(by_patient.values()))
    means = np.array([np.mean(each) for each in by_patient.values()])
    over = "patients" if len(means) >= MIN_INTERVAL else "runs"
    independent = means if over == "patients" else everything
    low, high = _interval(independent, seed)
    return Mean(float(independent.mean()), low, high, len(everything), len(independent), over)


def _interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    if len(values) < MIN_INTERVAL:
        return float("nan"), float("nan")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    if len(values) < MIN_BOOTSTRAP:
        ends = stats.t.interval(LEVEL, len(values) - 1, values.mean(), stats.sem(values))
        return float(ends[0]), float(ends[1])
    found = stats.bootstrap(
        (values,), np.mean, confidence_level=LEVEL, n_resamples=RESAMPLES, rng=np.random.default_rng(seed)
    ).confidence_interval
    return float(found.low), float(found.high)


def values_of(records: Sequence[Record], metric: str) -> list[tuple[str, float]]:
    """(patient, value) of the records in which a metric is defined."""
    return [(r["patient"], r["metrics"][metric]) for r in records if r["metrics"].get(metric) is not None]


def differences(records: Sequence[Record], factor: str, reference: Any, metric: str) -> list[Difference]:
    """Each other level of a factor compared with the reference, in the order in which the levels occur."""
    sign = -1 if lower_is_better(metric) else 1
    levels = list(dict.fromkeys(_hashable(r["condition"].get(factor)) for r in records))
    by_level: dict[Any, dict[str, Record]] = {level: {} for level in levels}
    for record in records:
        by_level[_hashable(record["condition"].get(factor))][_partner_key(record, factor)] = record
    base = by_level.get(_hashable(reference), {})
    found = []
    for level in levels:
        if level == _hashable(reference):
            continue
        shared = [(by_level[level][key], base[key]) for key in by_level[level] if key in base]
        pairs = [pair for pair in shared if _defined(pair, metric) == 2]
        changes = [(a["patient"], a["metrics"][metric] - b["metrics"][metric]) for a, b in pairs]
        mean = mean_of(changes)
        if mean is not None:
            better = float(np.mean([sign * change > 0 for _, change in changes]))
            lost = sum(_is_lost(pair, metric) for pair in shared)
            found.append(Difference(level, mean, better, lost))
    return found


def _defined(pair: tuple[Record, Record], metric: str) -> int:
    """In how many runs of a pair a metric is defined."""
    return sum(record["metrics"].get(metric) is not None for record in pair)


def _is_lost(pair: tuple[Record, Record], metric: str) -> bool:
    """Whether a run of a pair failed, or a metric is defined in one of them only."""
    return _defined(pair, metric) == 1 or any(record["status"] != "done" for record in pair)


def knee(levels: Sequence[float], means: Sequence[float], metric: str) -> float | None:
    """The level beyond which a curve gains little: where it lies farthest above the chord between its ends.

    The levels are taken on a logarithmic scale, both axes scaled to 0 to 1 (Satopää et al., ICDCS Workshops 2011,
    without smoothing). None with fewer than three levels, and for a curve that gains nothing or bends the other way.
    """
    x, y = np.log(np.asarray(levels, dtype=float)), np.asarray(means, dtype=float)
    y = -y if lower_is_better(metric) else y
    if len(x) < 3 or not np.isfinite([x, y]).all() or not y[-1] > y[0]:
        return None
    above = (y - y[0]) / (y[-1] - y[0]) - (x - x[0]) / (x[-1] - x[0])
    best = int(above.argmax())
    return float(levels[best]) if above[best] > 0 else None


def grouped(records: Sequence[Record], names: Sequence[str]) -> dict[tuple[Any, ...], list[Record]]:
    """The records by their values of some settings, in the order in which they occur."""
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(_hashable(record["condition"].get(name)) for name in names)].append(record)
    return dict(groups)


def _partner_key(record: Record, factor: str) -> str:
    """What two runs of a pair have in common: the subject and all settings but the factor."""
    rest = {name: value for name, value in record["condition"].items() if name != factor}
    return json.dumps([record["subject"], rest], sort_keys=True)


def _hashable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    return tuple(value) if isinstance(value, list) else value
