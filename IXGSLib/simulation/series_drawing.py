"""Random series of views of one region, as a surgeon takes them with one C-arm."""

from __future__ import annotations

import numpy as np

from ..geometry import View
from ..geometry.rigid import Array
from ..geometry.trajectory import CArm
from .body import Body
from .drawing import SOURCE_DETECTOR_MM, SOURCE_ISOCENTRE_FRACTIONS

DETECTOR_SIZES_MM = (240.0, 400.0)
SPANS_DEG, TILTS_DEG = (110.0, 210.0), (5.0, 30.0)
"""Ranges of the orbit that a series covers, and of its largest angulation to either side."""
MAX_TURN_DEG = 30.0
"""Largest angle between the middle of the orbit and the anterior or posterior direction."""
TUBE_ABOVE_PROBABILITY = 1 / 3
MARGIN_MM = 70.0
"""Distance of the region's centre from the ends of the CT."""
CENTER_DEVIATIONS_MM = (15.0, 12.0, 8.0)
"""Standard deviations of the distance of the region's centre from the spine, along x, y and z."""
ISOCENTRE_DEVIATION_MM = 8.0
"""Standard deviation of the distance of a view's isocentre from the region's centre, along each axis."""


def draw_center(generator: np.random.Generator, patient: Body, along: Array) -> Array:
    """The centre of a region, (3,) LPS mm, near a point of the spine `along` (points, 3)."""
    heights = patient.grid.corners()[:, 2]
    inner = (along[:, 2] > heights.min() + MARGIN_MM) & (along[:, 2] < heights.max() - MARGIN_MM)
    points = along[inner] if inner.any() else along[len(along) // 2 :][:1]
    return points[int(generator.integers(len(points)))] + generator.normal(0, 1, 3) * CENTER_DEVIATIONS_MM


def draw_series(generator: np.random.Generator, center: Array, count: int, size: int) -> list[View]:
    """`count` views of size x size pixels around a centre, whose orbital angles spread over a random span."""
    distance = float(generator.uniform(*SOURCE_DETECTOR_MM))
    isocentre = distance * float(generator.uniform(*SOURCE_ISOCENTRE_FRACTIONS))
    arm = CArm(isocentre, distance, (size, size), float(generator.uniform(*DETECTOR_SIZES_MM)))
    span, tilt = float(generator.uniform(*SPANS_DEG)), float(generator.uniform(*TILTS_DEG))
    middle = float(generator.uniform(-MAX_TURN_DEG, MAX_TURN_DEG))
    middle += 180.0 * (generator.random() < TUBE_ABOVE_PROBABILITY)
    views = []
    for number in range(count):
        orbital = ((number + float(generator.uniform())) / count - 0.5) * span + middle
        point = center + generator.normal(0, ISOCENTRE_DEVIATION_MM, 3)
        views.append(arm.view(orbital, float(generator.uniform(-tilt, tilt)), point, str(number)))
    return views
