"""Pedicle screws: planned in solid bone, and graded by their breach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.stats import theilslopes

from ...geometry.rigid import Array
from .canal import across
from .pedicles import Pedicle
from .solid import Solid

GRADED = np.arange(-4.0, 11.0, 1.0)
"""mm along a screw from the isthmus, backwards negative, at which its breach is taken: the pedicle. Behind it a screw
has to leave the bone, and in front of it lies the body."""
STATION_STEP = 0.5
"""mm along the tube of a pedicle between the sections whose middles a plan joins."""
MARGIN = 5.0
"""mm around the pedicle of the label in which its section is looked for in a volume."""
PIXEL = 0.75
"""mm of the pixels of those sections."""
MAX_SLOPE = 1.0
"""Tangent of the angle to the axis of the pedicle beyond which a line through the middles follows no pedicle."""
MIN_AREA = 10.0
"""mm^2 below which a section is no pedicle."""
AROUND = 24
"""Directions around a screw at which its breach is taken."""
MIN_BREACH = 0.5
"""mm below which a breach cannot be told from none on the lattice of distances."""
GRADES = "ABCDE"
"""Gertzbein and Robbins, Spine 1990: no breach, less than 2, 4 and 6 mm, and more."""
MAX_ENTRY = 40.0
"""mm behind the isthmus within which a screw enters the bone."""


@dataclass(frozen=True, eq=False)
class Screw:
    """The axis of a screw, LPS mm: a point (3,) at the isthmus and the unit direction (3,) to its tip."""

    point: Array
    direction: Array

    def moved(self, shift: Array) -> Screw:
        return Screw(self.point + shift, self.direction)


def plan_screw(solid: Solid, pedicle: Pedicle, superior: Array) -> Screw | None:
    """The screw along the middle of a pedicle: the line through the middles of its sections with the median slope.

    Sections are taken across the axis of the label's pedicle along its tube; the middle is the centroid of the part
    nearest to the pedicle, within MARGIN of it. None where fewer than half of the sections show bone, and where the
    line leads elsewhere.
    """
    stations = np.arange(pedicle.back, pedicle.front + STATION_STEP / 2, STATION_STEP)
    middles = [_middle(solid, pedicle, superior, station) for station in stations]
    found = [(station, middle) for station, middle in zip(stations, middles, strict=True) if middle is not None]
    if len(found) < len(stations) / 2:
        return None
    at = np.array([station for station, _ in found])
    offsets = np.array([middle for _, middle in found])
    slope, start = np.array([theilslopes(offset, at)[:2] for offset in offsets.T]).T
    point = pedicle.center + start[0] * pedicle.across + start[1] * superior
    direction = pedicle.axis + slope[0] * pedicle.across + slope[1] * superior
    if np.linalg.norm(slope) > MAX_SLOPE:
        return None
    return Screw(point, direction / np.linalg.norm(direction))


def _middle(solid: Solid, pedicle: Pedicle, superior: Array, station: float) -> Array | None:
    """(2,) mm outwards and upwards from the axis of a pedicle to the middle of its section in solid bone."""
    x = np.arange(-pedicle.medial - MARGIN, pedicle.lateral + MARGIN + PIXEL, PIXEL)
    z = np.arange(-pedicle.height / 2 - MARGIN, pedicle.height / 2 + MARGIN + PIXEL, PIXEL)
    start = pedicle.center + station * pedicle.axis
    depth = solid.depth(start + x[None, :, None] * pedicle.across + z[:, None, None] * superior)
    parts, count = ndimage.label(depth > 0)
    if count == 0:
        return None
    index = np.arange(1, count + 1)
    areas = ndimage.sum_labels(parts > 0, parts, index) * PIXEL**2
    middles = np.array(ndimage.center_of_mass(parts > 0, parts, index))[:, ::-1] * PIXEL + (x[0], z[0])
    middles = middles[areas >= MIN_AREA]
    return middles[int(np.argmin(np.linalg.norm(middles, axis=1)))] if len(middles) else None


def breach(screw: Screw, solid: Solid, diameter: float) -> float:
    """mm by which the surface of a screw lies outside bone at most, in the pedicle; 0 where it lies within."""
    plane = across(screw.direction)
    turns = np.arange(AROUND) * 2 * np.pi / AROUND
    rim = np.stack([np.cos(turns), np.sin(turns)], axis=1) @ plane.T * (diameter / 2)
    depth = solid.depth(screw.point + GRADED[:, None, None] * screw.direction + rim)
    found = max(0.0, -float(depth.min()))
    return found if found >= MIN_BREACH else 0.0


def grade(breach: float) -> str:
    """The grade of Gertzbein and Robbins for a breach in mm."""
    return GRADES[0] if breach <= 0 else GRADES[min(1 + int(breach // 2), 4)]


def entry(screw: Screw, solid: Solid) -> float:
    """mm behind the isthmus at which the axis of a screw leaves the bone backwards."""
    steps = np.arange(0.0, MAX_ENTRY, 0.25)
    inside = solid.depth(screw.point - steps[:, None] * screw.direction) > 0
    return float(steps[int(np.argmin(inside))]) if not inside.all() else MAX_ENTRY


def entry_error(screw: Screw, true: Screw, behind: float) -> float:
    """mm between two axes in the plane across the true one, at its entry point `behind` mm behind the isthmus."""
    at = true.point - behind * true.direction
    along = float(screw.direction @ true.direction)
    if along < 0.1:
        return float("nan")
    reached = screw.point + screw.direction * float((at - screw.point) @ true.direction) / along
    return float(np.linalg.norm(reached - at))
