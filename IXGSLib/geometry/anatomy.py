"""Directions of the patient and of a vertebra."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError
from .rigid import Array, constant

NEAREST_PEDICLES = 5.0
"""mm between two points below which they cannot be the two pedicles of a vertebra."""
FLATTEST = 0.2
"""Sine of the angle at which the three points of a vertebra span no plane worth the name: about 12 degrees."""


def vertebra_axes(left_pedicle: ArrayLike, right_pedicle: ArrayLike, front_of_body: ArrayLike) -> Array:
    """(3, 3) rotation, its columns the left, posterior and superior directions of a vertebra in the world.

    left_pedicle, right_pedicle, front_of_body: (3,) LPS mm, the last in the middle of the body's anterior border at the
    height of the pedicles. The axial plane goes through all three, left runs from the right to the left pedicle.
    Raises GeometryError for points that span no plane, and for a left and a right that were exchanged.
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
    if width < NEAREST_PEDICLES:
        raise GeometryError(
            f"the two pedicles are {width:.1f} mm apart, expected at least {NEAREST_PEDICLES:g} mm; pick them again"
        )
    upward = np.cross(across, backward)
    if np.linalg.norm(upward) < FLATTEST * width * max(depth, NEAREST_PEDICLES):
        raise GeometryError(
            "the pedicles and the front of the vertebral body lie on one line, expected a triangle; pick them again"
        )
    x, z = across / width, upward / np.linalg.norm(upward)
    if z[2] < 0:
        raise GeometryError(
            "the vertebra would stand on its head (its superior direction points to the feet); pick the left pedicle "
            "first, then the right one, then the front of the body"
        )
    return np.stack([x, np.cross(z, x), z], axis=1)
