"""The report's table of poses: where they come from and how sure they are."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .page import table

if TYPE_CHECKING:
    from ..calibration.refinement import Refinement

HEAD = ["View", "Pose", "Disagreement before", "after", "Turned", "Moved", "Along the beam", "Spread"]


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
