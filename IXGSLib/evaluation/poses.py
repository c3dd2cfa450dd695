"""The report's table of poses: where they come from and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ..formats.calibration_record import CalibrationRecord
from ..formats.fiducial_findings import FIDUCIALS, ViewRecord
from .page import table

if TYPE_CHECKING:
    from ..calibration.refinement import Refinement

HEAD = ["View", "Pose", "Disagreement before", "after", "Turned", "Moved", "Along the beam", "Spread"]

FIDUCIALS_HEAD = ["View", "Fiducials", "Residual", "Rotation", "Position"]
ORIGINS = {
    "": "as the case or its calibration gives them",
    FIDUCIALS: "from fiducials that the X-rays show",
    "refined": "refined by the X-rays themselves",
}
"""Where poses come from, by the entries in `Case.provenance`."""


def origins_html(ids: Sequence[str], provenance: Mapping[str, str], calibration: CalibrationRecord | None) -> str:
    """Where the poses of views come from and, for those from fiducials, how well they are known.

    ids: of the views. provenance, calibration: as in `Case`.
    """
    origins = [provenance.get(id, "") for id in ids]
    parts = []
    for origin in dict.fromkeys(origins):
        count = "all" if origins.count(origin) == len(ids) else f"{origins.count(origin)} of {len(ids)}"
        text = ORIGINS.get(origin, f"approximate, from DICOM {origin}" if origin.startswith("tags") else origin)
        parts.append(f"<p>Poses of {count} views: {escape(text)}.</p>")
    calibrated = [id for id in ids if provenance.get(id) == FIDUCIALS]
    if calibration is None or not calibrated:
        return "".join(parts)
    records = {id: calibration.view_record(id) for id in calibrated}
    return "".join(parts) + _scale(calibration, records) + table(FIDUCIALS_HEAD, _rows(records), numbers=(1, 2, 3, 4))


def _scale(calibration: CalibrationRecord, records: Mapping[str, ViewRecord]) -> str:
    """The residuals of all views together, and where lengths come from."""
    squares = [record.rms**2 for record in records.values() if record.rms is not None for _ in range(record.used)]
    sentences = [f"Residuals: {np.sqrt(np.mean(squares)):.2f} px root mean square."] if squares else []
    if calibration.scale:
        sentences.append(f"Scale: {calibration.scale}.")
    return f"<p>{escape(' '.join(sentences))}</p>" if sentences else ""


def _rows(records: Mapping[str, ViewRecord]) -> list[list[str]]:
    """The rows of the table of fiducials."""
    return [
        [
            id,
            f"{record.used} of {len(record.fiducials)}",
            "–" if record.rms is None else f"{record.rms:.2f} px",
            "–" if record.rotation_sd is None else f"± {record.rotation_sd:.2f}°",
            "–" if record.translation_sd is None else f"± {record.translation_sd:.1f} mm",
        ]
        for id, record in records.items()
    ]


def poses_html(refinement: Refinement) -> str:
    """The summary, an explanation and the table."""
    rows = [
        [
            row.id,
            row.state,
            f"{row.before:.3f}",
            f"{row.after:.3f}",
            with_deviation(row.rotation, row.rotation_sd, 2, "°"),
            with_deviation(row.shift, row.shift_sd, 1, " mm"),
            with_deviation(row.beam, row.beam_sd, 1, " mm"),
            "–" if np.isnan(row.spread) else f"{row.spread:.1f} mm",
        ]
        for row in refinement.views
    ]
    note = (
        "Disagreement is 0 when corresponding lines of the images are alike and 1 when they are unrelated. Changes are "
        "those at the region; a common motion and a common scale of all poses leave no trace in X-rays and are those "
        "of the given poses. ± states standard deviations of the refined poses relative to each other. Spread is the "
        "distance between the two best results of different starts."
    )
    return (
        f'<p>{escape(refinement.summary)}</p><p class="soft">{note}</p>{table(HEAD, rows, numbers=(2, 3, 4, 5, 6, 7))}'
    )


def with_deviation(value: float, deviation: float, digits: int, unit: str) -> str:
    """A change of a pose and its standard deviation, if it is known."""
    known = "" if np.isnan(deviation) else f" ± {deviation:.{digits}f}"
    return f"{value:.{digits}f}{known}{unit}"
