"""The report's table of poses: where they come from and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from .page import table


@dataclass(frozen=True)
class PoseRow:
    """The pose of a view.

    state: given, refined or left out. before, after: disagreement with the other views, 0 to 1. rotation, shift, beam:
    its change in degrees, mm parallel to the detector and mm along the beam, at the region. spread: mm between the
    results of different starts; nan if there is only one.
    """

    id: str
    state: str
    before: float
    after: float
    rotation: float
    shift: float
    beam: float
    spread: float


@dataclass(frozen=True)
class PoseReport:
    """The outcome of a refinement of poses: a sentence for people, and a row per view."""

    summary: str
    rows: Sequence[PoseRow]


HEAD = ["View", "Pose", "Disagreement before", "after", "Turned", "Moved", "Along the beam", "Spread"]


def poses_html(report: PoseReport) -> str:
    """The summary, an explanation and the table."""
    rows = [
        [
            row.id,
            row.state,
            f"{row.before:.3f}",
            f"{row.after:.3f}",
            f"{row.rotation:.2f}°",
            f"{row.shift:.1f} mm",
            f"{row.beam:.1f} mm",
            "–" if np.isnan(row.spread) else f"{row.spread:.1f} mm",
        ]
        for row in report.rows
    ]
    note = (
        "Disagreement is 0 when corresponding lines of the images are alike and 1 when they are unrelated. Changes are "
        "those at the region; a common motion and a common scale of all poses leave no trace in X-rays and are those "
        "of the given poses. Spread is the distance between the two best results of different starts."
    )
    return f'<p>{escape(report.summary)}</p><p class="soft">{note}</p>{table(HEAD, rows, numbers=(2, 3, 4, 5, 6, 7))}'
