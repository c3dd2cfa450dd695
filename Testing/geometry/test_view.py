"""One camera: projection and its inverses, motions, and what cannot be a camera."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given

from IXGSLib.errors import GeometryError, IXGSWarning
from IXGSLib.geometry import View
from IXGSLib.geometry.rigid import apply, rigid
from Testing.geometry.strategies import HALF_TURNS, intrinsics, motions, scene, views

K = np.array([[2000.0, 0.0, 127.5], [0.0, 2000.0, 99.5], [0.0, 0.0, 1.0]])


def identity_view() -> View:
    return View(K, np.eye(4), (256, 200), "ap", (0.5, 0.5))


@given(views())
def test_backprojection_undoes_projection(view):
    points = scene(view)
    np.testing.assert_allclose(view.backproject(*view.project(points)), points, atol=1e-6)


@given(views())
def test_projection_undoes_backprojection(view):
    pixels = np.random.default_rng(1).uniform(-100, 1100, (3, 7, 2))
    depth = np.random.default_rng(2).uniform(1, 1500, (3, 7))
    again, depth_again = view.project(view.backproject(pixels, depth))
    np.testing.assert_allclose(again, pixels, atol=1e-6)
    np.testing.assert_allclose(depth_again, depth, rtol=1e-6)


@given(views())
def test_a_pixel_has_the_area_that_it_sees_in_the_depth_of_a_place(view):
    place, depth = view.backproject([30.0, 40.0], 800.0), 800.0
    corner, right, below = (view.backproject(pixel, depth) for pixel in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]))
    area = np.linalg.norm(np.cross(right - corner, below - corner))
    assert view.pixel_size(place) == pytest.approx(np.sqrt(area))


@given(views())
def test_every_point_of_a_ray_projects_on_its_pixel(view):
    pixels = np.random.default_rng(1).uniform(0, 600, (7, 2))
    source, directions = view.ray(pixels)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1.0)
    for length in (10.0, 600.0, 2000.0):
        projected, depth = view.project(source + length * directions)
        np.testing.assert_allclose(projected, pixels, atol=1e-5)
        assert (depth > 0).all()


@given(views())
def test_the_projection_matrix_projects_as_the_view_does(view):
    points = scene(view)
    homogeneous = np.c_[points, np.ones(len(points))] @ view.projection_matrix.T
    pixels, depth = view.project(points)
    np.testing.assert_allclose(homogeneous[:, :2] / homogeneous[:, 2:], pixels, atol=1e-6)
    np.testing.assert_allclose(homogeneous[:, 2], depth, atol=1e-8)


@given(views(), motions())
def test_a_rigid_motion_of_everything_changes_no_pixel(view, target_from_world):
    points = scene(view)
    moved, depth_moved = view.moved(target_from_world).project(apply(target_from_world, points))
    pixels, depth = view.project(points)
    np.testing.assert_allclose(moved, pixels, atol=1e-6)
    np.testing.assert_allclose(depth_moved, depth, atol=1e-8)


@pytest.mark.parametrize("R", HALF_TURNS)
def test_the_identity_and_half_turns_are_exact(R):
    view = View(K, rigid(R, (0, 0, 0)), (256, 200))
    np.testing.assert_array_equal(view.axis, R[:, 2])
    pixels, depth = view.project(R @ (3.0, -2.0, 500.0))
    np.testing.assert_array_equal(pixels, (127.5 + 2000 * 3 / 500, 99.5 - 2000 * 2 / 500))
    assert depth == 500
    assert view.sees(R @ (0, 0, 500))
    assert not view.sees(R @ (0, 0, -500))


def test_the_image_ends_at_the_edges_of_its_outer_pixels():
    view = identity_view()
    inside = np.array([[-0.5, -0.5], [255.5, 199.5], [255.5, -0.5], [127.5, 99.5]])
    outside = np.array([[-0.51, 0], [255.51, 0], [0, -0.51], [0, 199.51]])
    assert view.sees(view.backproject(inside, np.full(4, 512.0))).all()
    assert not view.sees(view.backproject(outside, np.full(4, 512.0))).any()


@pytest.mark.filterwarnings("error")
def test_points_level_with_and_behind_the_source_are_not_seen():
    view = identity_view()
    assert not view.sees([[0, 0, 0], [5, 0, 0], [0, 0, -500]]).any()
    assert (view.project([[0, 0, 0], [5, 0, 0], [0, 0, -500]])[1] <= 0).all()


def test_the_source_detector_distance_needs_the_pixel_spacing():
    assert identity_view().source_detector_distance == 1000
    assert replace(identity_view(), pixel_spacing=None).source_detector_distance is None


def test_a_view_cannot_be_changed():
    given_K = K.copy()
    view = View(given_K, np.eye(4), (256, 200))
    given_K[0, 0] = 1
    assert view.K[0, 0] == 2000
    for array in (view.K, view.world_from_camera, view.source, view.axis):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(FrozenInstanceError):
        view.size = (1, 1)


@given(motions(), intrinsics())
def test_a_mirrored_pose_is_refused(T, K):
    with pytest.raises(GeometryError, match=r"view 'ap': rotation .* is a reflection"):
        View(K, T @ np.diag([-1.0, 1.0, 1.0, 1.0]), (256, 200), "ap")


def test_a_pose_off_a_rotation_is_corrected_with_a_warning_and_refused_beyond():
    with pytest.warns(IXGSWarning, match="view 'ap': rotation of world_from_camera .* nearest"):
        view = View(K, np.diag([1.001, 1.0, 1.0, 1.0]), (256, 200), "ap")
    np.testing.assert_allclose(view.world_from_camera, np.eye(4), atol=1e-14)
    with pytest.raises(GeometryError, match="view 'ap': rotation of world_from_camera is not a rotation"):
        View(K, np.diag([1.02, 1.0, 1.0, 1.0]), (256, 200), "ap")


@pytest.mark.parametrize(
    ("entry", "value"),
    [((0, 0), 0.0), ((0, 0), -2000.0), ((1, 1), -2000.0), ((1, 0), 0.1), ((2, 0), 0.1), ((2, 2), 2.0)],
)
def test_what_is_no_intrinsic_matrix_is_refused(entry, value):
    wrong = K.copy()
    wrong[entry] = value
    with pytest.raises(GeometryError, match=r"view 'ap': K is .*, expected \[\[fx, s, cx\]"):
        replace(identity_view(), K=wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": np.full((3, 3), np.nan)}, "view 'ap': K holds NaN"),
        ({"K": [[1, 2], [3]]}, "view 'ap': K does not consist of numbers"),
        ({"world_from_camera": np.full((4, 4), np.inf)}, "view 'ap': world_from_camera holds NaN or inf"),
        ({"world_from_camera": np.eye(4)[:3]}, r"shape \(3, 4\), expected \(4, 4\)"),
        ({"world_from_camera": np.eye(4).T + np.eye(4)[[2, 0, 1, 2]]}, "last row of world_from_camera"),
        ({"size": (0, 200)}, "image size"),
        ({"size": (256.5, 200)}, "image size"),
        ({"size": (256, 200, 3)}, "image size"),
        ({"pixel_spacing": (0.5, 0.0)}, "pixel spacing"),
        ({"pixel_spacing": (np.nan, 0.5)}, "pixel spacing"),
    ],
)
def test_what_cannot_be_a_camera_is_refused(change, message):
    with pytest.raises(GeometryError, match=message):
        replace(identity_view(), **change)
