"""Fiducials in the record of a calibration: where each was found in a view, and where its shadow should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import FormatError
from .strict_json import numbers

Pixel = tuple[float, float]
FIDUCIALS = "fiducials"
"""The entry in `Case.provenance` for poses from fiducials."""
DIGITS = 4
"""Decimals of the numbers in a record."""
MAX_FIDUCIALS = 1000
"""Largest number of fiducials in one view."""
MAX_RMS_ERROR = 0.01
"""Largest difference between the stated root mean square and that of the residuals, px: more than rounding makes."""
CURE = "run `ixgs calibrate` again"


@dataclass(frozen=True)
class FiducialFinding:
    """A fiducial in one view: where its shadow should be and where it was found, (x, y) px; radius of the shadow, px.

    found: None where no shadow was found. used: whether the shadow took part in the calibration.
    """

    label: str
    expected: Pixel
    found: Pixel | None
    radius: float
    used: bool

    @property
    def residual(self) -> float | None:
        """Distance from expected to found, px."""
        return None if self.found is None else float(np.hypot(*np.subtract(self.found, self.expected)))

    def resized(self, scale: Pixel) -> FiducialFinding:
        """The fiducial in the image resized by factors of its width and height."""
        return replace(
            self,
            expected=_resized(self.expected, scale),
            found=None if self.found is None else _resized(self.found, scale),
            radius=self.radius * float(np.sqrt(scale[0] * scale[1])),
        )

    def as_dict(self) -> dict[str, Any]:
        """The entry in the record."""
        return {
            "label": self.label,
            "expected": [rounded(x) for x in self.expected],
            "found": None if self.found is None else [rounded(x) for x in self.found],
            "radius_px": rounded(self.radius),
            "used": self.used,
        }


@dataclass(frozen=True)
class ViewRecord:
    """What a calibration found in one view.

    fiducials: those inside the image; none for a view that was left out. rms: of the residuals of used fiducials, px.
    rotation_sd (degrees), translation_sd (mm): expected error of the pose. None where the record does not state them.
    """

    fiducials: tuple[FiducialFinding, ...] = ()
    rms: float | None = None
    rotation_sd: float | None = None
    translation_sd: float | None = None

    @property
    def used(self) -> int:
        return sum(each.used for each in self.fiducials)

    @property
    def residual(self) -> float | None:
        """Root mean square of the residuals of used fiducials, px; None without any."""
        squares = [one.residual**2 for one in self.fiducials if one.used and one.residual is not None]
        return float(np.sqrt(np.mean(squares))) if squares else None

    def resized(self, scale: Pixel) -> ViewRecord:
        """The record for the image resized by factors of its width and height."""
        changed = replace(self, fiducials=tuple(one.resized(scale) for one in self.fiducials))
        return changed if self.rms is None else replace(changed, rms=changed.residual)

    def as_dict(self) -> dict[str, Any]:
        """The JSON object that `view_record` reads."""
        sizes = {"rms_px": self.rms, "rotation_sd_deg": self.rotation_sd, "translation_sd_mm": self.translation_sd}
        known = {name: rounded(value) for name, value in sizes.items() if value is not None}
        return {**known, "fiducials": [one.as_dict() for one in self.fiducials]}


def view_record(entry: Mapping[str, Any], what: str) -> ViewRecord:
    """The record of a view from its JSON object; keys that are not listed here are ignored.

    Raises FormatError that begins with `what` for other values than a calibration writes.
    """
    listed = entry.get("fiducials", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise FormatError(f'{what}: "fiducials" is not a list of objects, expected one for each fiducial; {CURE}')
    if len(listed) > MAX_FIDUCIALS:
        raise FormatError(f"{what}: {len(listed)} fiducials, expected at most {MAX_FIDUCIALS}; {CURE}")
    fiducials = tuple(_fiducial(one, f"{what}, fiducial {n}") for n, one in enumerate(listed, start=1))
    labels = [one.label for one in fiducials]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise FormatError(f"{what}: more than one fiducial is named {', '.join(twice)}, expected each once; {CURE}")
    sizes = [_size(entry, key, what) for key in ("rms_px", "rotation_sd_deg", "translation_sd_mm")]
    return ViewRecord(fiducials, *sizes)


def covered(fiducials: Sequence[FiducialFinding], shape: tuple[int, int]) -> np.ndarray:
    """(rows, columns) bool: the pixels that fiducials cover, where they were found or should be."""
    from ..xray.fiducials import Fiducial, fiducial_mask

    balls = [Fiducial(*(one.found or one.expected), one.radius, 1.0, 1.0) for one in fiducials]
    return fiducial_mask(balls, shape)


def _fiducial(entry: Mapping[str, Any], what: str) -> FiducialFinding:
    label, used, found = entry.get("label"), entry.get("used"), entry.get("found")
    if not isinstance(label, str):
        raise FormatError(f'{what}: "label" is {label!r}, expected text; {CURE}')
    what = f"{what} ('{label}')"
    if not isinstance(used, bool):
        raise FormatError(f'{what}: "used" is {used!r}, expected true or false; {CURE}')
    if used and found is None:
        raise FormatError(f"{what}: it was used though it was not found, expected one or the other; {CURE}")
    radius = _size(entry, "radius_px", what)
    if radius is None:
        raise FormatError(f'{what}: no "radius_px", expected the radius of its shadow; {CURE}')
    place = None if found is None else _pixel(found, f'{what}: "found"')
    return FiducialFinding(label, _pixel(entry.get("expected"), f'{what}: "expected"'), place, radius, used)


def check_rms(record: ViewRecord, what: str) -> None:
    """Raises FormatError, which begins with `what`, where the root mean square is not that of the residuals."""
    rms = record.residual
    if record.rms is None or rms is None:
        return
    if abs(rms - record.rms) > MAX_RMS_ERROR:
        raise FormatError(
            f'{what}: "rms_px" is {record.rms:g}, but its fiducials are off by {rms:.4g} px, expected the same; {CURE}'
        )


def _pixel(value: Any, what: str) -> Pixel:
    x, y = numbers(value, (2,), what).tolist()
    return x, y


def _size(entry: Mapping[str, Any], key: str, what: str) -> float | None:
    """A number that is not negative, None where there is none."""
    if key not in entry:
        return None
    value = float(numbers(entry[key], (), f'{what}: "{key}"'))
    if value < 0:
        raise FormatError(f'{what}: "{key}" is {value:g}, expected 0 or more; {CURE}')
    return value


def _resized(place: Pixel, scale: Pixel) -> Pixel:
    """A place whose coordinates count from the centre of the first pixel."""
    return (place[0] + 0.5) * scale[0] - 0.5, (place[1] + 0.5) * scale[1] - 0.5


def rounded(value: float) -> float:
    """A number as it is written in a record."""
    return round(float(value), DIGITS)
