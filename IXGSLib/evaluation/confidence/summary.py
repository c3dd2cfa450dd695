"""Which share of the bone surface has low confidence, and where it lies."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ...geometry.rigid import Array, apply
from .calibration import Kind
from .confidence import Confidence

LOW = 0.75
"""Mean confidence around a voxel of the bone surface below which it is doubtful: there, more than one label in four is
expected to be wrong."""
AROUND = 3.0
"""Standard deviation in mm of the filter that takes this mean. At the very surface, values are close to the threshold
and any label is little better than a guess; what counts is how far that reaches."""
MIN_EXCESS = 1.25
"""An end or a side is named where its share of doubtful surface exceeds that of the whole by this factor."""
MAX_NAMED = 2
MIN_SHARE = 0.01
"""Share of doubtful surface from which its places are named."""
ENDS = (("right", "left"), ("front", "back"), ("caudal end", "cranial end"))
"""Names of the outer thirds of the bone along the patient's axes L, P and S, low end first."""


@dataclass(frozen=True)
class Summary:
    """What a map of confidence says in numbers.

    kind, foreign: as in `Confidence`. threshold: of bone, 1/mm. low: the limit of low confidence. surface: share of the
    voxels at the bone surface around which the mean confidence is below it; None where there is no bone. places: the
    ends and sides of the bone in which that share is much larger. error: mean expected error of bone, 1/mm.
    """

    kind: Kind
    foreign: bool
    threshold: float
    low: float
    surface: float | None
    places: tuple[str, ...]
    error: float | None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "places": list(self.places), "sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """The share and its places for a person."""
        if self.surface is None:
            return "The volume holds no bone whose confidence could be stated."
        places = f", most of all at the {' and the '.join(self.places)}" if self.places else ""
        return f"{self.surface:.0%} of the bone surface lies where the mean confidence is below {self.low:.0%}{places}."


def summary_of(confidence: Confidence) -> Summary:
    """The summary of a map of confidence."""
    bone = confidence.volume.values > confidence.threshold
    surface = bone & ~ndimage.binary_erosion(bone, border_value=1)
    share: float | None = None
    places: tuple[str, ...] = ()
    if surface.any():
        grid = confidence.volume.grid
        around = ndimage.gaussian_filter(confidence.probability, AROUND / grid.spacing[::-1], mode="nearest")
        low = around[surface] < LOW
        share = float(low.mean())
        places = _places(apply(grid.world_from_index, np.argwhere(surface)[:, ::-1]), low)
    error = float(confidence.error[bone].mean()) if bone.any() else None
    return Summary(confidence.kind, confidence.foreign, confidence.threshold, LOW, share, places, error)


def _places(points: Array, low: np.ndarray) -> tuple[str, ...]:
    """The outer thirds of points (n, 3), LPS mm, where the share of low ones exceeds that of all, largest first."""
    if low.mean() < MIN_SHARE:
        return ()
    found = []
    for axis, names in enumerate(ENDS):
        first, second = np.quantile(points[:, axis], (1 / 3, 2 / 3))
        for name, inside in zip(names, (points[:, axis] < first, points[:, axis] > second), strict=True):
            if inside.any():
                found.append((float(low[inside].mean() / low.mean()), name))
    return tuple(name for excess, name in sorted(found, reverse=True)[:MAX_NAMED] if excess >= MIN_EXCESS)
