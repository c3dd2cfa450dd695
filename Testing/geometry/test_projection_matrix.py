"""Cameras from 3x4 matrices: any scale and sign, real ones, and matrices that are not cameras."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from IXGSLib.errors import GeometryError
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.coverage import check_views
from IXGSLib.geometry.rigid import rigid
from Testing.geometry.strategies import HALF_TURNS, numbers, scene, views

K = np.array([[2000.0, 0.0, 127.5], [0.0, 2000.0, 99.5], [0.0, 0.0, 1.0]])
P = K @ np.eye(3, 4)

scales = st.tuples(st.sampled_from([-1.0, 1.0]), numbers(-6, 6)).map(lambda s: s[0] * 10 ** s[1])


@given(views(), scales)
def test_a_matrix_of_any_scale_and_sign_gives_its_view_back(view, scale):
    again = View.from_projection_matrix(scale * view.projection_matrix, view.size, view.id, view.pixel_spacing)
    np.testing.assert_allclose(again.K, view.K, rtol=1e-8, atol=1e-6)
    np.testing.assert_allclose(again.world_from_camera, view.world_from_camera, atol=1e-7)
    np.testing.assert_allclose(again.project(scene(view))[0], view.project(scene(view))[0], atol=1e-6)
    assert (again.size, again.id, again.pixel_spacing) == (view.size, view.id, view.pixel_spacing)


@pytest.mark.parametrize("R", HALF_TURNS)
def test_the_identity_and_half_turns_are_decomposed(R):
    view = View(K, rigid(R, (10, -20, 30)), (256, 200))
    again = View.from_projection_matrix(view.projection_matrix, view.size)
    np.testing.assert_allclose(again.K, K, atol=1e-10)
    np.testing.assert_allclose(again.world_from_camera, view.world_from_camera, atol=1e-10)


def test_the_matrices_of_a_real_c_arm_are_decomposed(data):
    matrices = np.loadtxt(data / "geom_carm_248" / "camera_matrices_248x12.txt").reshape(-1, 3, 4)
    assert len(matrices) == 248
    points = np.random.default_rng(0).uniform(-100, 100, (50, 3))
    real_views = [View.from_projection_matrix(matrix, (616, 480), str(n)) for n, matrix in enumerate(matrices)]
    for matrix, view in zip(matrices, real_views, strict=True):
        homogeneous = points @ matrix[:, :3].T + matrix[:, 3]
        expected = homogeneous[:, :2] / homogeneous[:, 2:]
        pixels, depth = view.project(points)
        np.testing.assert_allclose(pixels, expected, rtol=0, atol=1e-6)
        assert (depth > 0).all()
        assert 745.9 < np.linalg.norm(view.source) < 754
    check_views(real_views, Grid.centered((0, 0, 0), (100, 100, 100), 1.0))


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_mirrored_matrix_puts_the_scene_behind_its_source(row, sign):
    mirrored = sign * P
    mirrored[row] *= -1
    _, depth = View.from_projection_matrix(mirrored, (256, 200)).project((0, 0, 600))
    assert depth < 0


def _changed(row: int, values: tuple[float, ...]) -> np.ndarray:
    matrix = P.copy()
    matrix[row] = values
    return matrix


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (_changed(0, (np.nan, 0, 127.5, 0)), "holds NaN"),
        (_changed(2, (0, 0, 0, 1)), "parallel beam"),
        (_changed(2, (0, 0, 1e-10, 600)), "parallel beam"),
        (np.zeros((3, 4)), "parallel beam"),
        (_changed(0, (0, 0, 0, 0)), "singular or nearly so"),
        (_changed(1, tuple(3 * P[0])), "singular or nearly so"),
        (_changed(1, tuple(P[0] + 1e-9 * P[1])), "singular or nearly so"),
        (P[:, :3], r"shape \(3, 3\), expected \(3, 4\)"),
    ],
)
def test_what_is_no_point_source_is_refused(matrix, message):
    with pytest.raises(GeometryError, match=f"view 'ap': projection matrix.*{message}"):
        View.from_projection_matrix(matrix, (256, 200), "ap")
