"""Points of bone cast the same shadow as voxels, and the derivatives of shadows and correlations are right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.registration.projection import IMAGE, TARGET, project_points, project_with_derivatives
from IXGSLib.registration.similarity import correlations
from IXGSLib.rendering.joseph import project_volume

VIEW = CArm(detector_pixels=(48, 40), detector_size=120).view(30, 10, (1.0, 2.0, 3.0))
CENTER = np.array([3.0, -2.0, 5.0])
SIGMA = 1.3


@pytest.fixture
def points():
    generator = np.random.default_rng(0)
    return generator.uniform(-15, 15, (60, 3)), generator.uniform(0.05, 0.2, 60).astype(np.float32)


def changed(positions, change):
    """Points after a change in the camera's axes about CENTER, back in the world."""
    R = VIEW.camera_from_world[:3, :3]
    turn = Rotation.from_rotvec(change[:3]).as_matrix()
    lever = (positions - CENTER) @ R.T
    return (lever @ turn.T + change[3:]) @ R + CENTER


def image(positions, amounts, sigma=SIGMA):
    images = np.zeros((1, 40, 48), np.float32)
    project_points(positions, amounts, VIEW.camera_from_world[None, :3], VIEW.K[None], sigma, images)
    return images[0].astype(np.float64)


def lanes(positions, amounts):
    stack = np.zeros((1, 40, 48, 8), np.float32)
    center = VIEW.camera_from_world[:3, :3] @ CENTER + VIEW.camera_from_world[:3, 3]
    project_with_derivatives(
        positions, amounts, VIEW.camera_from_world[None, :3], VIEW.K[None], center[None], SIGMA, stack
    )
    return stack


def test_points_project_like_the_voxels_they_stand_for():
    grid = Grid((12, 12, 12), (2.0, 2.0, 2.0), (-10.0, -9.0, -8.0), np.eye(3))
    smooth = np.exp(-np.square(grid.points() - grid.center).sum(axis=-1) / 50)
    expected = gaussian_filter(project_volume(0.04 * smooth, grid, VIEW), SIGMA)
    amounts = (0.04 * smooth * 8).ravel().astype(np.float32)
    found = image(grid.points().reshape(-1, 3), amounts)
    assert np.abs(found - expected).max() < 0.03 * expected.max()
    assert found.sum() == pytest.approx(expected.sum(), rel=0.01)


def test_both_projections_are_the_same(points):
    assert np.abs(lanes(*points)[0, ..., IMAGE] - image(*points)).max() < 1e-6


@pytest.mark.parametrize("number", range(6))
def test_derivatives_by_the_pose(points, number):
    positions, amounts = points
    step = np.zeros(6)
    step[number] = (0.02, 0.02, 0.02, 0.4, 0.4, 6.0)[number]
    ahead, behind = (image(changed(positions, sign * step), amounts) for sign in (1, -1))
    expected = (ahead - behind) / (2 * step[number])
    found = lanes(positions, amounts)[0, ..., 1 + number]
    # The shadows of points end at three standard deviations, where a shift moves pixels in and out.
    assert np.abs(found - expected).mean() < 0.01 * np.abs(expected).max()
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.995


class TestCorrelation:
    @pytest.fixture
    def stack(self, points):
        positions, amounts = points
        stack = lanes(positions, amounts)
        stack[0, ..., TARGET] = image(changed(positions, np.array([0.03, 0.02, -0.02, 0.5, -0.7, 2.0])), amounts)
        return stack

    def losses(self, points, change, target):
        positions, amounts = points
        stack = lanes(changed(positions, change), amounts)
        stack[0, ..., TARGET] = target
        return [each.loss[0] for each in correlations(stack, np.ones((1, 40, 48), np.float32))]

    def test_equal_images_correlate_whatever_their_gain_and_offset(self, stack):
        stack[0, ..., TARGET] = 3 * stack[0, ..., IMAGE] + 0.05
        values, gradients = correlations(stack, np.ones((1, 40, 48), np.float32))
        assert values.loss[0] == pytest.approx(0, abs=1e-5)
        assert gradients.loss[0] == pytest.approx(0, abs=1e-5)

    def test_gradient(self, points, stack):
        found = correlations(stack, np.ones((1, 40, 48), np.float32))
        for number in range(6):
            step = np.zeros(6)
            step[number] = 0.004 if number < 3 else 0.05
            ahead, behind = (self.losses(points, sign * step, stack[0, ..., TARGET]) for sign in (1, -1))
            for each, high, low in zip(found, ahead, behind, strict=True):
                scale = np.abs(each.gradient[0, :3] if number < 3 else each.gradient[0, 3:]).max()
                assert each.gradient[0, number] == pytest.approx((high - low) / (2 * step[number]), abs=0.05 * scale)

    def test_curvature_is_positive(self, stack):
        for each in correlations(stack, np.ones((1, 40, 48), np.float32)):
            assert np.linalg.eigvalsh(each.curvature[0]).min() > -1e-6

    def test_pixels_without_weight_do_not_count(self, stack):
        weights = np.ones((1, 40, 48), np.float32)
        weights[:, :, 30:] = 0
        before = [each.loss[0] for each in correlations(stack, weights)]
        stack[0, :, 32:, TARGET] = 99
        assert [each.loss[0] for each in correlations(stack, weights)] == before

    def test_nothing_to_compare_is_no_correlation(self):
        for each in correlations(np.zeros((1, 8, 8, 8), np.float32), np.ones((1, 8, 8), np.float32)):
            assert each.loss[0] == 1
            assert not each.gradient.any()
            assert not each.curvature.any()
