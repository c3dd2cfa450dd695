"""What a DICOM X-ray says of its C-arm: a first guess at most, vendors disagree on signs."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from ..errors import FormatError, IXGSWarning
from .dicom import open_dataset
from .sniffing import image_kind


@dataclass(frozen=True)
class CArmTags:
    """Tags of one DICOM X-ray, None where the file does not state them.

    pixel_spacing: (x, y) mm on the detector. Distances in mm from the source, angles in degrees (PS3.3 C.8.7.5).
    """

    pixel_spacing: tuple[float, float] | None
    source_detector: float | None
    source_patient: float | None
    primary_angle: float | None
    secondary_angle: float | None


def carm_tags(path: str | os.PathLike[str]) -> CArmTags:
    """The geometry tags of a DICOM X-ray; raises FormatError for a file that is none or a tag that is no number."""
    path = Path(path)
    if image_kind(path) != "DICOM":
        raise FormatError(f"{path.name}: no DICOM file, so it holds no C-arm tags; give the calibration in another way")
    dataset = open_dataset(path)
    return CArmTags(
        _spacing(dataset, path.name),
        _number(dataset, "DistanceSourceToDetector", path.name),
        _number(dataset, "DistanceSourceToPatient", path.name),
        _number(dataset, "PositionerPrimaryAngle", path.name),
        _number(dataset, "PositionerSecondaryAngle", path.name),
    )


def _spacing(dataset: Dataset, name: str) -> tuple[float, float] | None:
    """ImagerPixelSpacing is on the detector; PixelSpacing is not, so it is never taken in its place."""
    rows_columns = dataset.get("ImagerPixelSpacing")
    if not rows_columns:
        if dataset.get("PixelSpacing"):
            warnings.warn(
                f"{name}: PixelSpacing without ImagerPixelSpacing is a size in the patient, not on the detector, and "
                "is not used; state the detector's pixel spacing",
                IXGSWarning,
                stacklevel=3,
            )
        return None
    x, y = float(rows_columns[1]), float(rows_columns[0])
    if not (math.isfinite(x + y) and min(x, y) > 0):
        raise FormatError(
            f"{name}: ImagerPixelSpacing is {y}, {x}, expected two positive lengths; state it in the case"
        )
    return x, y


def _number(dataset: Dataset, keyword: str, name: str) -> float | None:
    value = dataset.get(keyword)
    if value in (None, ""):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise FormatError(f"{name}: {keyword} is not a number; export it again") from None
    if not math.isfinite(number):
        raise FormatError(f"{name}: {keyword} is {number}, expected a finite number; export it again")
    return number
