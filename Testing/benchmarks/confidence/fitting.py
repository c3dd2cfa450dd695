"""Fitting a calibration to voxels whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from IXGSLib.evaluation.confidence.calibration import FLOORS, Calibration, logarithm
from IXGSLib.evaluation.confidence.evidence import Evidence, gathered
from IXGSLib.geometry.rigid import Array
from IXGSLib.volume.bone import bone_threshold, nominal_threshold
from Testing.benchmarks.confidence.trials import Reconstructed

VOXELS = 12_000
"""Drawn from each reconstruction, evenly."""
NAMES = tuple(name for name in FLOORS if name != "doubt")
WITH_DOUBT = tuple(FLOORS)
"""The evidence of volumes that were reconstructed with a learnt prior."""
HALVES, HALVES_FLOOR = "halves", 0.0002
"""Evidence that the library does not gather: how much two reconstructions of half the views differ, 1/mm."""
MIN_WEIGHTS = {"coverage": 0.1, "fine": 0.05, "coarse": 0.05}
"""Smallest weights: too few views and X-rays that disagree must show, even where other errors hide what they cost."""
MIN_ERROR = 1e-6
"""1/mm; errors below are equal."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Voxels of one reconstruction: evidence (n,) by name, values and truth in 1/mm, and the thresholds of both."""

    evidence: dict[str, np.ndarray]
    values: np.ndarray
    truth: np.ndarray
    threshold: float
    true_threshold: float

    @classmethod
    def of(cls, found: Reconstructed, halves: Sequence[np.ndarray] = ()) -> Samples:
        """Voxels of a reconstruction; halves: the values of two of half the views, on its grid."""
        evidence = gathered(found.volume, found.case.xrays, found.renders, found.doubt)
        size = found.volume.values.size
        chosen = np.random.default_rng(0).choice(size, min(VOXELS, size), replace=False)
        fields = {name: getattr(evidence, name).ravel()[chosen] for name in (*FLOORS, "seen")}
        if halves:
            fields[HALVES] = np.abs(halves[0] - halves[1]).ravel()[chosen]
        values, truth = (each.values.ravel()[chosen] for each in (found.volume, found.truth))
        return cls(fields, values, truth, bone_threshold(found.volume), nominal_threshold(found.truth))

    @classmethod
    def load(cls, path: Path) -> Samples:
        """What `save` has written."""
        with np.load(path) as stored:
            arrays = dict(stored)
        values, truth, thresholds = (arrays.pop(name) for name in ("values", "truth", "thresholds"))
        return cls(arrays, values, truth, *map(float, thresholds))

    def save(self, path: Path) -> None:
        """Write the voxels to a .npz file."""
        thresholds = np.array([self.threshold, self.true_threshold])
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, **self.evidence, values=self.values, truth=self.truth, thresholds=thresholds)
        unfinished.replace(path)

    @property
    def as_evidence(self) -> Evidence:
        known = {name: values for name, values in self.evidence.items() if name != HALVES}
        return Evidence(**{"doubt": np.zeros_like(known["seen"]), **known})

    @property
    def error(self) -> Array:
        """(n,) absolute errors, 1/mm."""
        return np.abs(self.values.astype(np.float64) - self.truth)

    @property
    def right(self) -> np.ndarray:
        """(n,) whether the label of a voxel is right."""
        return (self.values > self.threshold) == self.bone

    @property
    def bone(self) -> np.ndarray:
        return self.truth > self.true_threshold

    @property
    def seen(self) -> np.ndarray:
        return self.evidence["seen"] > 0

    def stated(self, calibration: Calibration) -> tuple[Array, Array]:
        """(n,) expected errors and confidence by a calibration."""
        error = calibration.expected_error(self.as_evidence)
        bone = calibration.bone_probability(self.values, error, self.threshold)
        return error, np.where(self.values > self.threshold, bone, 1 - bone) * self.seen


def fitted(samples: Sequence[Samples], names: Sequence[str] = NAMES) -> Calibration:
    """The calibration of several reconstructions, each with the same weight, by the evidence of these names.

    Error and label are fitted with monotone signs: the error as in `error_model`, the label by logistic regression.
    """
    found = error_model(samples, names)
    weights = {name: float(value) for name, value in zip(names, found[1:], strict=True)}
    half = Calibration(float(found[0]), weights, 0.0, 1.0, 1.0)
    margins, bone = _seen(samples, lambda each: _margins(each, half)), _seen(samples, lambda each: each.bone)
    offset, above, below = _logistic(margins, bone, _weights(samples))
    return Calibration(float(found[0]), weights, float(offset), float(above), float(below))


def error_model(samples: Sequence[Samples], names: Sequence[str]) -> Array:
    """(1 + names,) intercept and weights of the logarithm of the expected error.

    They have the largest quasi-likelihood of a Poisson model with logarithmic link (R. Wedderburn, Biometrika 61,
    1974), whose fit is right in the mean.
    """
    errors = np.maximum(_seen(samples, lambda each: each.error), MIN_ERROR)
    least = [MIN_WEIGHTS.get(name, 0.0) for name in names]
    return _poisson(_seen(samples, lambda each: columns_of(each, names)), errors, _weights(samples), least)


def columns_of(samples: Samples, names: Sequence[str]) -> Array:
    """(n, 1 + names): one, and the logarithms of the evidence."""
    logarithms = [_logarithm(name, samples.evidence[name]) for name in names]
    return np.stack([np.ones(len(samples.values)), *logarithms], axis=1)


def _logarithm(name: str, values: np.ndarray) -> Array:
    if name == HALVES:
        return np.log(values.astype(np.float64) + HALVES_FLOOR)
    return logarithm(name, values).astype(np.float64)


def _seen(samples: Sequence[Samples], values: Callable[[Samples], np.ndarray]) -> np.ndarray:
    """Values of the voxels that a view sees, of all reconstructions."""
    return np.concatenate([values(each)[each.seen] for each in samples])


def _weights(samples: Sequence[Samples]) -> Array:
    return np.concatenate([np.full(each.seen.sum(), 1 / each.seen.sum()) for each in samples]) / len(samples)


def _margins(samples: Samples, calibration: Calibration) -> Array:
    """(n, 3): one, and the margin above and below the threshold, as `Calibration.bone_probability` takes them."""
    error = calibration.expected_error(samples.as_evidence)
    margin = np.arcsinh((samples.values - samples.threshold) / error.astype(np.float64))
    return np.stack([np.ones(len(margin)), np.maximum(margin, 0), np.minimum(margin, 0)], axis=1)


def _poisson(columns: Array, errors: Array, weight: Array, least: Sequence[float]) -> Array:
    """(columns,) coefficients, all but the first at least `least`; the columns are centred first, for speed."""
    scale, middle = float(weight @ errors), weight @ columns
    middle[0] = 0
    columns = columns - middle

    def loss(at: Array) -> tuple[float, Array]:
        linear = columns @ at
        expected = np.exp(np.clip(linear, -30, 5))
        return float(weight @ (expected - errors * linear)) / scale, columns.T @ (weight * (expected - errors)) / scale

    start = np.zeros(columns.shape[1])
    start[0] = np.log(scale)
    found = _minimum(loss, start, least)
    found[0] -= found @ middle
    return found


def _logistic(columns: Array, bone: np.ndarray, weight: Array) -> Array:
    def loss(at: Array) -> tuple[float, Array]:
        odds = columns @ at
        gain = np.logaddexp(0, odds) - bone * odds
        return float(weight @ gain), columns.T @ (weight * (1 / (1 + np.exp(-odds)) - bone))

    return _minimum(loss, np.array([0.0, 1.0, 1.0]), [0.0, 0.0])


def _minimum(loss: Callable[[Array], tuple[float, Array]], start: Array, least: Sequence[float]) -> Array:
    """Where a function, given with its gradient, is smallest; all but the first value are at least `least`."""
    bounds: list[tuple[float | None, None]] = [(None, None), *((value, None) for value in least)]
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
