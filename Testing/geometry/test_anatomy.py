"""The axes of a vertebra from three points."""

import numpy as np
import pytest
from hypothesis import given

from IXGSLib.errors import GeometryError
from IXGSLib.geometry.anatomy import vertebra_axes
from Testing.geometry.strategies import numbers, vectors

LEFT, RIGHT, FRONT = np.array([(15.0, 10, 0), (-15, 10, 0), (0, -25, 0)])


def test_an_upright_vertebra_has_the_patients_axes():
    assert np.array_equal(vertebra_axes(LEFT, RIGHT, FRONT), np.eye(3))


@given(tilt=numbers(-1.2, 1.2), turn=numbers(-3.1, 3.1), place=vectors(-500, 500))
def test_the_axes_turn_with_the_vertebra(tilt, turn, place):
    a, b = np.array([np.cos(tilt), np.cos(turn)]), np.array([np.sin(tilt), np.sin(turn)])
    about_left = np.array([[1, 0, 0], [0, a[0], -b[0]], [0, b[0], a[0]]])
    about_superior = np.array([[a[1], -b[1], 0], [b[1], a[1], 0], [0, 0, 1]])
    rotation = about_superior @ about_left
    axes = vertebra_axes(*(rotation @ point + place for point in (LEFT, RIGHT, FRONT)))
    assert np.allclose(axes, rotation, atol=1e-9)


def test_clicks_off_the_midline_leave_left_and_the_plane_as_they_are():
    axes = vertebra_axes(LEFT, RIGHT, FRONT + (6, 0, 0))
    assert np.allclose(axes, np.eye(3))


def test_exchanged_pedicles_would_turn_the_patient_over_and_are_refused():
    with pytest.raises(GeometryError, match=r"be upside down.*left pedicle first"):
        vertebra_axes(RIGHT, LEFT, FRONT)


def test_points_that_span_no_plane_are_refused():
    with pytest.raises(GeometryError, match=r"0\.0 mm apart"):
        vertebra_axes(LEFT, LEFT, FRONT)
    with pytest.raises(GeometryError, match="on one line"):
        vertebra_axes(LEFT, RIGHT, (LEFT + RIGHT) / 2)
    with pytest.raises(GeometryError, match="on one line"):
        vertebra_axes(LEFT, RIGHT, LEFT + 2 * (LEFT - RIGHT))
    with pytest.raises(GeometryError, match="left pedicle holds NaN"):
        vertebra_axes((np.nan, 0, 0), RIGHT, FRONT)
