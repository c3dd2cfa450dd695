"""The pedicles of a vertebra: where each is narrowest, and its width there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...errors import GeometryError
from ...geometry.rigid import Array
from .mask import Mask

STEP = 0.5
"""mm of the lattice in which sections are measured."""
HALF_WIDTH, HALF_HEIGHT = 40.0, 30.0
"""mm to the side, and above and below the level, in which a section of a pedicle lies."""
TURNS = range(-10, 46, 5)
"""Degrees by which sections are turned from the coronal plane, for pedicles that converge forwards."""
MAX_SHIFT = 4.0
"""mm forwards and backwards by which turned sections are moved along the medial wall."""
CHORD_REACH = 25.0
"""mm to either side of the centre of a pedicle in which its surface is found."""
CHORD_STEP = 0.1
FRONT_GAP = 2.0
"""mm behind the front of the canal at which sections begin, so that the canal lies beside each."""
MAX_GROWTH, MAX_TUBE = 1.5, 8.0
"""Growth of sections, and mm from the isthmus, at which the tube of a pedicle ends."""
WALL = 2.0
"""mm medially of the isthmus at which sections along the tube begin."""


@dataclass(frozen=True, eq=False)
class Pedicle:
    """One pedicle at its isthmus.

    side: "left" or "right". center: (3,) the centroid of its smallest section, LPS mm. across: (3,) unit vector in that
    section and in the axial plane, away from the canal. axis: (3,) unit vector at right angles to it in the axial
    plane, forwards. medial, lateral: mm from the centre to the surface of the label, against and along `across`.
    height: mm of the section from top to bottom. area: mm^2 of the section. back, front: mm along the axis, backwards
    negative, between which sections across it stay below MAX_GROWTH times that area: the tube of the pedicle.
    """

    side: str
    center: Array
    across: Array
    axis: Array
    medial: float
    lateral: float
    height: float
    area: float
    back: float
    front: float

    @property
    def width(self) -> float:
        """mm in the label, along `across`."""
        return self.medial + self.lateral


@dataclass(frozen=True, eq=False)
class Section:
    """A plane section of a pedicle: area in mm^2, centroid (3,) LPS mm, height in mm, direction (3,) to its side."""

    area: float
    center: Array
    height: float
    across: Array


def find_pedicle(mask: Mask, side: str, axes: Array, canal: Array, front: float) -> Pedicle:
    """The pedicle of a side at its isthmus, which is its smallest section.

    First the smallest coronal section between the front of the canal and its middle, then the smallest of those that
    are turned about the superior axis at its medial wall. axes: (3, 3), columns left, posterior and superior. canal:
    (3,) on the centre line of the canal at the level of the body. front: mm from `canal` forwards to the front of the
    canal. Raises GeometryError where there is no pedicle.
    """
    outward = axes[:, 0] if side == "left" else -axes[:, 0]
    depths = np.arange(min(FRONT_GAP - front, 0.0), STEP, STEP)
    coronal = _smallest(_section(mask, canal + depth * axes[:, 1], outward, axes[:, 2]) for depth in depths)
    if coronal is None:
        raise GeometryError(
            f"{mask.name}: no {side} pedicle beside the canal in its label, expected a whole vertebra; leave it out"
        )
    medial, _ = _ends(mask, coronal)
    wall = coronal.center - medial * outward
    turned = _smallest(
        _section(mask, wall + shift * axes[:, 1], np.cos(turn) * outward - np.sin(turn) * axes[:, 1], axes[:, 2])
        for turn in np.radians(TURNS)
        for shift in np.arange(-MAX_SHIFT, MAX_SHIFT + 1, 1.0)
    )
    found = coronal if turned is None or turned.area > coronal.area else turned
    medial, lateral = _ends(mask, found)
    axis = np.cross(found.across, axes[:, 2])
    axis = -axis if axis @ axes[:, 1] > 0 else axis
    start = found.center - (medial + WALL) * found.across
    back, front = (
        sign * _tube(mask, Section(found.area, start, found.height, found.across), sign * axis, axes[:, 2])
        for sign in (-1.0, 1.0)
    )
    return Pedicle(side, found.center, found.across, axis, medial, lateral, found.height, found.area, back, front)


def _tube(mask: Mask, isthmus: Section, direction: Array, superior: Array) -> float:
    """mm from the isthmus in a direction to the last section that is not much larger; at least 1."""
    length = 1.0
    for step in np.arange(1.5, MAX_TUBE + 0.1, 0.5):
        section = _section(mask, isthmus.center + step * direction, isthmus.across, superior)
        if section is None or section.area > MAX_GROWTH * isthmus.area:
            break
        length = float(step)
    return length


def _smallest(sections: Iterable[Section | None]) -> Section | None:
    return min((each for each in sections if each is not None), key=lambda each: each.area, default=None)


def _section(mask: Mask, start: Array, across: Array, superior: Array) -> Section | None:
    """The largest part of the section by the plane through `start`, on the side of it that `across` points to."""
    x = np.arange(0.0, HALF_WIDTH, STEP)
    z = np.arange(-HALF_HEIGHT, HALF_HEIGHT, STEP)
    values = mask.occupancy(start + x[None, :, None] * across + z[:, None, None] * superior)
    parts, count = ndimage.label(values >= 0.5)
    if count == 0:
        return None
    areas = np.bincount(parts.ravel())
    areas[0] = 0
    index = np.argwhere(parts == int(np.argmax(areas)))
    row, column = index.mean(axis=0)
    center = start + column * STEP * across + (z[0] + row * STEP) * superior
    return Section(float(areas.max()) * STEP**2, center, float(np.ptp(index[:, 0]) + 1) * STEP, across)


def _ends(mask: Mask, section: Section) -> tuple[float, float]:
    """mm from the centre of a section to its surface at the medial and at the lateral side."""
    steps = np.arange(0.0, CHORD_REACH, CHORD_STEP)
    ends = []
    for sign in (-1.0, 1.0):
        outside = mask.occupancy(section.center + sign * steps[:, None] * section.across) < 0.5
        ends.append(float(np.argmax(outside)) * CHORD_STEP if outside.any() else CHORD_REACH)
    return ends[0], ends[1]
