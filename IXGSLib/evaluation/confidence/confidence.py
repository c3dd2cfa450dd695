"""How far each voxel of a reconstruction can be relied on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import GeometryError, SettingsError
from ...files import write_atomically
from ...formats import Case
from ...volume import Volume
from ...volume.bone import bone_threshold
from ...volume.nrrd import nrrd_bytes
from .calibration import Calibration, Kind, calibration_of, is_foreign, kind_of
from .evidence import gathered_slabs

PROBABILITY_STEP, ERROR_STEP = 1 / 256, 2.0**-16
"""Confidence and errors in 1/mm are rounded to multiples of these so that files compress."""
MEANING = (
    "Confidence: estimated probability that a voxel's label, bone or not bone at the report's threshold, is right; 0 "
    "where no X-ray sees it. Research use only. Not a medical device."
)
ERROR_MEANING = "Expected absolute error of the attenuation, 1/mm. Research use only. Not a medical device."


@dataclass(frozen=True, eq=False)
class Confidence:
    """The confidence of each voxel of a volume, and the error from which it follows.

    probability: float32 [k, j, i] on the grid of the volume: the estimated probability that the label of a voxel, bone
    or not bone at the threshold, is right; 0 where no view sees it.
    error: float32 [k, j, i]: the expected absolute error of its attenuation, 1/mm; where no view sees it, the largest
    of the volume.
    threshold: of bone, 1/mm. kind: of X-rays, whose calibration was used. foreign: whether the X-rays were standardised
    by a method or by weights that it was not fitted to.
    """

    volume: Volume
    probability: np.ndarray
    error: np.ndarray
    threshold: float
    kind: Kind
    foreign: bool = False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the probability as NRRD, atomically."""
        write_atomically(path, nrrd_bytes(self.probability, self.volume.grid, MEANING))

    def save_error(self, path: str | os.PathLike[str]) -> None:
        """Write the expected error as NRRD, atomically."""
        write_atomically(path, nrrd_bytes(self.error, self.volume.grid, ERROR_MEANING))


@dataclass(frozen=True, eq=False)
class Doubt:
    """The expected error of a learnt prior, 1/mm, on the grid of the volume; weights: SHA-256 of its network."""

    error: Volume
    weights: str


def confidence_of(
    volume: Volume,
    case: Case,
    renders: Sequence[np.ndarray],
    calibration: Calibration | None = None,
    doubt: Doubt | None = None,
) -> Confidence:
    """The confidence in a reconstruction, by its X-rays alone.

    case: as it was reconstructed, with final poses. renders: (height, width) line integrals of the reconstruction in
    the views of the case. calibration: by default that of the kind of X-rays. doubt: that of the learnt prior, if the
    volume was reconstructed with one.
    Raises SettingsError for renders that do not match the X-rays, GeometryError for views that see nothing of the
    volume.
    """
    _check(case, renders)
    kind = kind_of(case, volume, doubt is not None)
    calibration = calibration_of(kind) if calibration is None else calibration
    threshold = bone_threshold(volume)
    probability, error = (np.empty(volume.grid.shape, np.float32) for _ in range(2))
    for part, evidence in gathered_slabs(volume, case.xrays, renders, None if doubt is None else doubt.error):
        values, seen, expected = volume.values[part], evidence.seen > 0, calibration.expected_error(evidence)
        bone = calibration.bone_probability(values, expected, threshold)
        probability[part] = np.where(values > threshold, bone, 1 - bone) * seen
        error[part] = np.where(seen, expected, np.inf)
    unseen = np.isinf(error)
    if unseen.all():
        raise GeometryError("no view sees the volume, expected the views that it was reconstructed from")
    error[unseen] = error[~unseen].max()
    maps = _rounded(probability, PROBABILITY_STEP), _rounded(error, ERROR_STEP)
    return Confidence(volume, *maps, threshold, kind, is_foreign(case, "" if doubt is None else doubt.weights))


def _check(case: Case, renders: Sequence[np.ndarray]) -> None:
    if len(renders) != len(case.xrays):
        raise SettingsError(f"confidence: {len(renders)} renders for {len(case.xrays)} X-rays, expected one for each")
    for xray, render in zip(case.xrays, renders, strict=True):
        if render.shape != xray.image.shape or not np.isfinite(render).all():
            raise SettingsError(
                f"confidence: the render of view '{xray.view.id}' has shape {render.shape} or values that are not "
                f"finite, expected {xray.image.shape} line integrals; render it again"
            )


def _rounded(values: np.ndarray, step: float) -> np.ndarray:
    return (np.rint(values / step) * step).astype(np.float32)
