"""From evidence to the expected error of a voxel, and to the probability that its bone label is right.

The numbers of each kind of X-rays are in Resources/confidence.json, which Testing/benchmarks/confidence/study.py fits
to simulated patients.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from ...errors import FormatError
from ...formats import Case
from ...formats.strict_json import read_json
from ...resources import resource
from ...volume import Volume
from ...volume.bone import BONE_THRESHOLD, nominal_threshold
from .evidence import Evidence

Kind = Literal["clean", "tissue", "classical", "pix2pix", "learnt"]
"""X-rays of bone alone, of all tissue, those that a method standardised; learnt: by the network, with its prior."""
FILE = "confidence.json"
FLOORS = {
    "coverage": 0.25,
    "fine": 0.005,
    "coarse": 0.005,
    "value": 0.001,
    "slope": 0.0002,
    "near": 0.0005,
    "doubt": 0.0005,
}
"""What is added to evidence before its logarithm is taken: differences below are not told apart. In its own units."""
LESS_IS_WORSE = ("coverage",)
"""Evidence whose larger values lower the error; of all other the larger values raise it."""


@dataclass(frozen=True)
class Calibration:
    """The numbers of one kind of X-rays.

    intercept, weights: the logarithm of the expected absolute error in 1/mm is the intercept plus the sum of weight
    times logarithm of evidence, with the weight of `coverage` subtracted; weights are at least 0.
    offset, above, below: the log-odds of bone are the offset plus `above` or `below` times asinh(m), with m the
    distance of the value from the threshold in expected errors, on that side of it; both are at least 0.
    """

    intercept: float
    weights: Mapping[str, float]
    offset: float
    above: float
    below: float

    def expected_error(self, evidence: Evidence) -> np.ndarray:
        """float32, 1/mm, in the shape of the evidence."""
        total = np.full(evidence.value.shape, self.intercept, np.float32)
        for name, weight in self.weights.items():
            if weight:
                total += np.float32(weight) * logarithm(name, getattr(evidence, name))
        return np.exp(total)

    def bone_probability(self, values: ArrayLike, error: ArrayLike, threshold: float) -> np.ndarray:
        """The probability that a voxel is bone, by its value and its expected error in 1/mm."""
        margin = np.arcsinh((np.asarray(values) - threshold) / np.asarray(error))
        odds = self.offset + np.where(margin > 0, self.above, self.below) * margin
        return 1 / (1 + np.exp(-odds))


def logarithm(name: str, values: np.ndarray) -> np.ndarray:
    """The logarithm of evidence, with the sign that raises the error."""
    sign = -1 if name in LESS_IS_WORSE else 1
    return sign * np.log(values + np.float32(FLOORS[name]))


def kind_of(case: Case, volume: Volume, prior: bool = False) -> Kind:
    """The kind of X-rays that a volume was reconstructed from; prior: whether with a learnt prior.

    Whether X-rays that were not standardised show all tissue is told by the volume. A method that has no calibration is
    taken for the network, whose errors are the largest.
    """
    made = case.standardization
    if prior:
        return "learnt"
    if made is not None and made.synthetic:
        return "classical" if made.method == "classical" else "pix2pix"
    return "tissue" if nominal_threshold(volume) == BONE_THRESHOLD else "clean"


def is_foreign(case: Case, prior: str = "") -> bool:
    """Whether the X-rays were standardised by a method or by weights that no calibration was fitted to.

    prior: SHA-256 of the weights of a learnt prior, to which the same applies.
    """
    if prior and prior not in _content().get("prior_weights", ()):
        return True
    made = case.standardization
    if made is None or not made.synthetic or made.method == "classical":
        return False
    weights = made.record.get("weights")
    return not isinstance(weights, dict) or weights.get("sha256") not in _content().get("weights", ())


def calibration_of(kind: Kind) -> Calibration:
    """The calibration that comes with IXGS; raises IXGSError when its file is missing or not one of these."""
    return calibrations_from(_content())[kind]


@functools.cache
def _content() -> Any:
    return read_json(resource(FILE))


def calibrations_from(content: Any) -> dict[str, Calibration]:
    """The calibrations in the content of a file; raises FormatError for other content."""
    try:
        found = {kind: Calibration(**content["calibrations"][kind]) for kind in get_args(Kind)}
        for one in found.values():
            if set(one.weights) - set(FLOORS) or min(*one.weights.values(), one.above, one.below) < 0:
                raise ValueError("weights of unknown evidence or below 0")
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{FILE}: {error}; expected the calibrations of this version, install IXGS again") from error
    return found
