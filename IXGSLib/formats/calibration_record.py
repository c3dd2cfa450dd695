"""The record of a calibration in a case: how its poses were measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import FormatError


@dataclass(frozen=True, eq=False)
class CalibrationRecord:
    """A JSON object: "method", such as "fiducials"; "scale", where lengths come from; "rms_px"; "views", by their ids.

    "distortion", where it is there, says that the images were undistorted, which must not be done twice.
    """

    record: dict[str, Any]

    @property
    def method(self) -> str:
        return str(self.record["method"])

    @property
    def scale(self) -> str:
        return str(self.record.get("scale", ""))

    @property
    def undistorted(self) -> bool:
        return "distortion" in self.record

    def view(self, id: str) -> dict[str, Any]:
        """What was found for a view; empty for one that is not in the record."""
        found = self.record.get("views", {}).get(id, {})
        return found if isinstance(found, dict) else {}


def checked_calibration(value: Any, name: str) -> CalibrationRecord:
    """The record of a case's "calibration"; raises FormatError that begins with the name of the file."""
    if not isinstance(value, dict) or not isinstance(value.get("method"), str):
        raise FormatError(f'{name}: "calibration" has no "method", expected an object with it; write the case again')
    if not isinstance(value.get("views", {}), dict):
        raise FormatError(f'{name}: "calibration", "views" is not an object by view ids; write the case again')
    return CalibrationRecord(value)
