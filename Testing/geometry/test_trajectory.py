"""C-arm views: where detector and source stand in the patient, and the paths they take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from IXGSLib.errors import SettingsError
from IXGSLib.geometry.trajectory import CArm, angles, arc, circular, random, trajectory
from Testing.geometry.strategies import numbers, vectors

ISOCENTRE = np.array([12.0, -150.0, 900.0])
LEFT, ANTERIOR, HEAD = np.array([1.0, 0, 0]), np.array([0, -1.0, 0]), np.array([0, 0, 1.0])


def detector_centre(view):
    width, height = view.size
    return view.backproject([(width - 1) / 2, (height - 1) / 2], view.source_detector_distance)


@pytest.mark.parametrize(
    ("orbital", "angular", "side"),
    [(0, 0, ANTERIOR), (90, 0, LEFT), (-90, 0, -LEFT), (180, 0, -ANTERIOR), (0, 90, HEAD), (0, -90, -HEAD)],
)
def test_the_detector_is_on_the_side_of_the_patient_that_the_angles_say(orbital, angular, side):
    view = CArm().view(orbital, angular, ISOCENTRE)
    np.testing.assert_allclose(detector_centre(view), ISOCENTRE + 380 * side, atol=1e-9)
    np.testing.assert_allclose(view.source, ISOCENTRE - 620 * side, atol=1e-9)


def test_image_rows_run_from_head_to_feet_and_columns_as_seen_from_the_source():
    view = CArm().view(0, 0, ISOCENTRE)
    (u, v), _ = view.project(ISOCENTRE)
    (_, v_feet), _ = view.project(ISOCENTRE - 30 * HEAD)
    (u_left, _), _ = view.project(ISOCENTRE + 30 * LEFT)
    assert v_feet > v
    assert u_left < u


@given(numbers(-180, 180), numbers(-90, 90), vectors(-1000, 1000))
def test_the_isocentre_projects_on_the_centre_of_the_detector(orbital, angular, isocentre):
    arm = CArm(700, 1200, (300, 200), 400)
    view = arm.view(orbital, angular, isocentre)
    pixels, depth = view.project(isocentre)
    np.testing.assert_allclose(pixels, (149.5, 99.5), atol=1e-8)
    assert depth == pytest.approx(700)
    assert view.source_detector_distance == pytest.approx(1200)


def test_a_detector_that_is_not_square_gives_its_side_length_to_the_longer_side():
    arm = CArm(620, 1000, (300, 200), 300)
    view = arm.view(0, 0, ISOCENTRE)
    assert view.pixel_spacing == (1.0, 1.0)
    assert view.K[0, 0] == view.K[1, 1] == 1000


@given(numbers(-179.9, 179.9), numbers(-89.9, 89.9))
def test_angles_are_read_back_from_a_view(orbital, angular):
    np.testing.assert_allclose(angles(CArm().view(orbital, angular, ISOCENTRE)), (orbital, angular), atol=1e-6)


def test_an_arc_is_centred_on_its_span_and_swings_within_its_tilt():
    path = arc(41, span=200, tilt=20)
    np.testing.assert_allclose(path[[0, 20, -1], 0], (-100, 0, 100), atol=1e-12)
    np.testing.assert_allclose(np.diff(path[:, 0]), 5)
    assert np.abs(path[:, 1]).max() == pytest.approx(20)
    np.testing.assert_allclose(path, -path[::-1], atol=1e-12)


def test_a_circle_is_divided_evenly_with_no_view_twice():
    path = circular(8)
    directions = np.array([view.axis for view in trajectory(CArm(), path, ISOCENTRE)])
    np.testing.assert_allclose(directions.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((directions * np.roll(directions, 1, axis=0)).sum(axis=1), np.cos(np.pi / 4))


def test_random_angles_fill_their_ranges_and_repeat_with_the_seed():
    path = random(2000, span=160, tilt=30, seed=3)
    np.testing.assert_array_equal(path, random(2000, span=160, tilt=30, seed=3))
    assert not np.array_equal(path, random(2000, span=160, tilt=30, seed=4))
    assert (np.abs(path) <= (80, 30)).all()
    assert (np.abs(path).max(axis=0) > (78, 29)).all()


def test_a_trajectory_names_its_views_by_number_and_keeps_their_angles():
    path = arc(12, tilt=20)
    views = trajectory(CArm(), path, ISOCENTRE)
    assert [view.id for view in views] == [f"{n:03d}" for n in range(12)]
    np.testing.assert_allclose([angles(view) for view in views], path, atol=1e-9)


@pytest.mark.parametrize("path", [arc, circular, random])
def test_a_trajectory_without_views_is_refused(path):
    assert path(1).shape == (1, 2)
    with pytest.raises(SettingsError, match="a trajectory of 0 views"):
        path(0)


@pytest.mark.parametrize(
    "measures",
    [(0, 1000), (1000, 620), (np.nan, 1000), (620, np.nan), (620, 1000, (0, 256)), (620, 1000, (256, 256), np.nan)],
)
def test_a_c_arm_that_cannot_be_built_is_refused(measures):
    with pytest.raises(SettingsError, match="C-arm"):
        CArm(*measures)
