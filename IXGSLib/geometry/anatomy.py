"""Anatomical directions of a vertebra."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError
from .rigid import Array, constant

MIN_PEDICLE_DISTANCE = 5.0
"""mm between the two pedicles of a vertebra; points nearer to each other were not picked on both."""
MIN_PLANE_SINE = 0.2
"""Sine of the angle between the line of the pedicles and that to the front, about 12 degrees; below it the three points
do not define a plane reliably."""


def vertebra_axes(left_pedicle: ArrayLike, right_pedicle: ArrayLike, front_of_body: ArrayLike) -> Array:
    """(3, 3) rotation, its columns the left, posterior and superior directions of a vertebra in the world.

    left_pedicle, right_pedicle, front_of_body: (3,) LPS mm, the last in the middle of the body's anterior border at the
    height of the pedicles. The axial plane goes through all three, left runs from the right to the left pedicle.
    Raises GeometryError for points that span no plane, and where left and right were exchanged.
    """
    left, right, front = (
        constant(point, (3,), name)
        for point, name in (
            (left_pedicle, "left pedicle"),
            (right_pedicle, "right pedicle"),
            (front_of_body, "front of the vertebral body"),
        )
    )
    across = left - right
    backward = (left + right) / 2 - front
    width, depth = np.linalg.norm(across), np.linalg.norm(backward)
    if width < MIN_PEDICLE_DISTANCE:
        raise GeometryError(
            f"the two pedicles are {width:.1f} mm apart, expected at least {MIN_PEDICLE_DISTANCE:g} mm; pick them again"
        )
    upward = np.cross(across, backward)
    if np.linalg.norm(upward) < MIN_PLANE_SINE * width * max(depth, MIN_PEDICLE_DISTANCE):
        raise GeometryError(
            "the pedicles and the front of the vertebral body lie on one line, expected a triangle; pick them again"
        )
    x, z = across / width, upward / np.linalg.norm(upward)
    if z[2] < 0:
        raise GeometryError(
            "the vertebra would be upside down (its superior direction points to the feet); pick the left pedicle "
            "first, then the right one, then the front of the body"
        )
    return np.stack([x, np.cross(z, x), z], axis=1)
