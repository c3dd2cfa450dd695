"""The record of a calibration in a case: how its poses were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import FormatError
from ..geometry import View
from .fiducial_findings import CURE, ViewRecord, check_rms, view_record

MARGIN = 0.1
"""How far outside of its image a fiducial may be, as a fraction of the longer side: the border cuts shadows off."""


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
    def phantom(self) -> str:
        return str(self.record.get("phantom", ""))

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

    def view_record(self, id: str) -> ViewRecord:
        """The fiducials and residuals of a view; without any for a view that is not in the record."""
        return view_record(self.view(id), f"calibration of view '{id}'")

    def resized(self, sizes: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> CalibrationRecord:
        """The record for images that were resized.

        sizes: (width, height) at the calibration and now, by view id.
        """
        views = {id: self.view(id) for id in self.record.get("views", {})}
        for id, (before, now) in sizes.items():
            found = self.view_record(id)
            if found.fiducials:
                views[id] = {**views[id], **found.resized((now[0] / before[0], now[1] / before[1])).as_dict()}
        return CalibrationRecord({**self.record, "views": views})


def checked_calibration(value: Any, name: str) -> CalibrationRecord:
    """The record of a case's "calibration"; raises FormatError that begins with the name of the file."""
    if not isinstance(value, dict) or not isinstance(value.get("method"), str):
        raise FormatError(f'{name}: "calibration" has no "method", expected an object with it; write the case again')
    views = value.get("views", {})
    if not isinstance(views, dict) or not all(isinstance(view, dict) for view in views.values()):
        raise FormatError(f'{name}: "calibration", "views" is not an object by view ids; write the case again')
    for id, entry in views.items():
        what = f"{name}: \"calibration\", view '{id}'"
        check_rms(view_record(entry, what), what)
    return CalibrationRecord(value)


def check_places(calibration: CalibrationRecord, views: Sequence[View], name: str) -> None:
    """Raises FormatError, which begins with the name of the file, for fiducials outside of their image."""
    for view in views:
        width, height = view.size
        margin = MARGIN * max(view.size)
        for one in calibration.view_record(view.id).fiducials:
            for x, y in filter(None, (one.expected, one.found)):
                if not (-margin <= x <= width - 1 + margin and -margin <= y <= height - 1 + margin):
                    raise FormatError(
                        f"{name}: \"calibration\", view '{view.id}': fiducial '{one.label}' is at ({x:.0f}, {y:.0f}) "
                        f"px, expected it inside the image of {width} x {height} pixels; {CURE}"
                    )
