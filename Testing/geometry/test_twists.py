"""Changes of poses about a point, and motions of whole scenes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.geometry.similarity import Similarity
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.geometry.twists import change_between, changed, poses, with_poses

CENTER = np.array([10.0, -20.0, 30.0])


@pytest.fixture
def views():
    return trajectory(CArm(), random(8, seed=3), CENTER + 5)


@pytest.fixture
def changes():
    generator = np.random.default_rng(0)
    return np.concatenate([generator.normal(0, 0.3, (8, 3)), generator.normal(0, 20, (8, 3))], axis=1)


class TestChanges:
    def test_no_change_leaves_the_poses_exactly(self, views):
        assert np.abs(changed(poses(views), np.zeros((8, 6)), CENTER) - poses(views)).max() < 1e-12

    def test_the_change_between_two_poses_leads_from_one_to_the_other(self, views, changes):
        after = changed(poses(views), changes, CENTER)
        assert np.abs(change_between(poses(views), after, CENTER) - changes).max() < 1e-9

    def test_a_turn_leaves_the_centre_where_it_is_seen(self, views, changes):
        turned = with_poses(views, changed(poses(views), changes * ([1] * 3 + [0] * 3), CENTER))
        for before, after in zip(views, turned, strict=True):
            assert np.abs(before.project(CENTER)[0] - after.project(CENTER)[0]).max() < 1e-9

    def test_a_shift_moves_what_is_seen_along_the_axes_of_the_view(self, views):
        shift = np.tile([0, 0, 0, 3.0, -2.0, 5.0], (8, 1))
        moved = with_poses(views, changed(poses(views), shift, CENTER))
        for before, after in zip(views, moved, strict=True):
            seen = [view.camera_from_world[:3, :3] @ CENTER + view.camera_from_world[:3, 3] for view in (before, after)]
            assert np.abs(seen[1] - seen[0] - shift[0, 3:]).max() < 1e-9

    def test_poses_stay_rotations(self, views, changes):
        R = changed(poses(views), changes, CENTER)[:, :3, :3]
        assert np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max() < 1e-12


class TestSimilarity:
    motion = Similarity(1.03, Rotation.from_rotvec([0.1, 0.2, -0.3]).as_matrix(), np.array([5.0, -8.0, 2.0]))

    def test_pixels_do_not_change_when_views_and_points_move_together(self, views):
        points = CENTER + np.random.default_rng(1).normal(0, 30, (20, 3))
        for before, after in zip(views, self.motion.views(views), strict=True):
            assert np.abs(before.project(points)[0] - after.project(self.motion.points(points))[0]).max() < 1e-8

    def test_the_motion_between_moved_views_is_found(self, views):
        found = Similarity.between(views, self.motion.views(views), self.motion.points(CENTER))
        assert found.scale == pytest.approx(self.motion.scale, rel=1e-6)
        assert np.abs(found.rotation - self.motion.rotation).max() < 1e-9
        assert np.abs(found.points(CENTER) - self.motion.points(CENTER)).max() < 1e-3

    def test_equal_views_need_no_motion(self, views):
        found = Similarity.between(views, views, CENTER)
        assert found.scale == pytest.approx(1)
        assert np.abs(found.shift).max() < 1e-9
        assert np.abs(found.rotation - np.eye(3)).max() < 1e-12
