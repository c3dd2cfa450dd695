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
            f"{row.rotation:.2f}°",
            f"{row.shift:.1f} mm",
            f"{row.beam:.1f} mm",
            "–" if np.isnan(row.spread) else f"{row.spread:.1f} mm",
        ]
        for row in refinement.views
    ]
    note = (
        "Disagreement is 0 when corresponding lines of the images are alike and 1 when they are unrelated. Changes are "
        "those at the region; a common motion and a common scale of all poses leave no trace in X-rays and are those "
        "of the given poses. Spread is the distance between the two best results of different starts."
    )
    return (
        f'<p>{escape(refinement.summary)}</p><p class="soft">{note}</p>{table(HEAD, rows, numbers=(2, 3, 4, 5, 6, 7))}'
    )
