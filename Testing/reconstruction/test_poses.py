"""Poses that are optimised together with the cloud."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from IXGSLib.errors import Cancelled
from IXGSLib.gaussians.initialization import random_cloud
from IXGSLib.geometry import Grid
from IXGSLib.geometry.similarity import Similarity
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.geometry.twists import change_between, changed, poses, with_poses
from IXGSLib.reconstruction import reconstruct
from IXGSLib.reconstruction.poses import Poses, PoseUnits, moved
from IXGSLib.rendering import project
from Testing.reconstruction.phantom import QUICK

CPU = torch.device("cpu")
GRID = Grid.centered((10.0, -5.0, 20.0), np.full(3, 60.0), 3.0)
VIEWS = trajectory(CArm(detector_pixels=(48, 48), detector_size=160.0), random(3, seed=1), GRID.center)


@pytest.fixture
def cloud():
    return random_cloud(GRID, 60, 0.01, 0.7, np.random.default_rng(0))


def gradient_of(poses: Poses, n: int, cloud, target) -> tuple[float, torch.Tensor]:
    pose = poses.matrices[n].clone().requires_grad_()
    loss = (project(cloud, VIEWS[n], pose, backend="reference") - target).square().mean()
    (gradient,) = torch.autograd.grad(loss, pose)
    return float(loss.detach()), gradient


class TestPoses:
    def test_the_views_of_untouched_poses_are_the_given_ones(self):
        assert np.abs(poses(Poses.of(VIEWS, CPU).views(VIEWS)) - poses(VIEWS)).max() < 1e-9

    @pytest.mark.parametrize("number", range(6))
    def test_the_first_step_goes_against_each_component_of_the_gradient(self, cloud, number):
        cloud = cloud.to(dtype=torch.float64)
        units = PoseUnits.of(VIEWS, GRID, CPU)
        change = np.zeros((3, 6))
        change[0, number] = 0.5 * float(units.sizes[number])
        wrong = with_poses(VIEWS, changed(poses(VIEWS), change, GRID.center))
        target = project(cloud, VIEWS[0], backend="reference")
        state = Poses.of(wrong, CPU)
        before, gradient = gradient_of(state, 0, cloud, target)
        state.step(0, gradient, 0.01, units)
        step = change_between(poses(wrong), poses(state.views(VIEWS)), GRID.center)[0] / units.sizes.numpy()
        assert np.abs(step).max() == pytest.approx(0.01, rel=0.02)
        assert np.sign(step[number]) == -1
        assert gradient_of(state, 0, cloud, target)[0] < before

    def test_only_the_view_of_the_step_moves(self, cloud):
        state = Poses.of(VIEWS, CPU)
        state.step(1, torch.ones(3, 4, dtype=torch.float64), 0.1, PoseUnits.of(VIEWS, GRID, CPU))
        moved_by = np.abs(poses(state.views(VIEWS)) - poses(VIEWS)).max(axis=(1, 2))
        assert moved_by[1] > 0.01
        assert moved_by[[0, 2]].max() < 1e-9
        assert state.steps.tolist() == [0, 1, 0]

    def test_a_copy_does_not_change_with_the_original(self):
        state = Poses.of(VIEWS, CPU)
        copy = state.copy()
        state.step(0, torch.ones(3, 4, dtype=torch.float64), 0.1, PoseUnits.of(VIEWS, GRID, CPU))
        assert torch.equal(copy.matrices, Poses.of(VIEWS, CPU).matrices)
        assert copy.steps.sum() == 0


def test_line_integrals_stay_when_cloud_and_views_move_together(cloud):
    cloud = cloud.to(dtype=torch.float64)
    T = changed(np.eye(4)[None], np.array([[0.2, -0.1, 0.3, 0, 0, 0]]), GRID.center)[0]
    motion = Similarity(1.04, T[:3, :3], np.array([3.0, -2.0, 7.0]))
    for before, after in zip(VIEWS, motion.views(VIEWS), strict=True):
        old = project(cloud, before, backend="reference")
        new = project(moved(cloud, motion), after, backend="reference")
        assert torch.allclose(old, new, rtol=1e-6, atol=1e-8)


@pytest.fixture(scope="module")
def off(ellipsoids):
    """A case whose poses are off by up to 0.6 degrees and 1 mm."""
    case = ellipsoids[0]
    generator, count = np.random.default_rng(0), len(case.views)
    change = np.concatenate(
        [np.deg2rad(generator.uniform(-0.6, 0.6, (count, 3))), generator.uniform(-1, 1, (count, 3))], axis=1
    )
    return case.with_poses(with_poses(case.views, changed(poses(case.views), change, case.grid.center)))


FREE = QUICK.updated({"rates.pose": 0.1, "schedule.steps": 300, "schedule.held_out": 2})


@pytest.fixture(scope="module")
def found(off):
    return reconstruct(off, settings=FREE)


class TestReconstruct:
    def test_poses_come_closer_to_the_true_ones(self, ellipsoids, off, found):
        def shifts(views):
            center = off.grid.center
            aligned = Similarity.between(views, ellipsoids[0].views, center).views(views)
            change = change_between(poses(aligned), poses(ellipsoids[0].views), center)
            return np.linalg.norm(change[:, 3:5], axis=1)

        assert shifts(off.views).mean() > 0.5
        assert shifts(found.views).mean() < 0.4 * shifts(off.views).mean()

    def test_the_x_rays_are_explained_better_than_with_fixed_poses(self, off, found):
        fixed = reconstruct(off, settings=FREE.updated({"rates.pose": 0.0}))
        assert found.metrics["fit_psnr"] > fixed.metrics["fit_psnr"] + 3
        assert fixed.views == off.views

    def test_renders_belong_to_the_final_poses(self, found):
        for view, render in zip(found.views, found.renders, strict=True):
            assert np.abs(project(found.cloud, view).numpy() - render).max() < 1e-5

    def test_the_frame_is_that_of_the_given_poses(self, off, found):
        motion = Similarity.between(found.views, off.views, off.grid.center)
        assert motion.scale == pytest.approx(1, abs=1e-6)
        assert np.linalg.norm(motion.points(off.grid.center) - off.grid.center) < 1e-3

    def test_an_interrupted_run_ends_with_the_same_poses(self, off, found, tmp_path, monkeypatch):
        monkeypatch.setattr("IXGSLib.reconstruction.pipeline.CHECKPOINT_SECONDS", 0.0)
        monkeypatch.setattr("IXGSLib.reconstruction.pipeline.PROGRESS_SECONDS", 0.0)
        seen = []

        def stop() -> bool:
            seen.append(None)
            return len(seen) > 120

        with pytest.raises(Cancelled):
            reconstruct(off, settings=FREE, checkpoints=tmp_path, cancelled=stop)
        resumed = reconstruct(off, settings=FREE, checkpoints=tmp_path)
        assert np.array_equal(poses(resumed.views), poses(found.views))
        assert np.array_equal(resumed.volume.values, found.volume.values)
