"""Poses refined by the X-rays themselves: errors are found, true poses stay, views that do not fit are left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from IXGSLib.calibration.radon import Sampling, derivatives, radon_transforms
from IXGSLib.calibration.refinement import RefinementSettings, refine
from IXGSLib.calibration.refinement.adjustment import adjusted
from IXGSLib.calibration.refinement.epipolar import DIFFERENCE_STEP, Evidence, images_of
from IXGSLib.errors import GeometryError, SettingsError
from IXGSLib.formats.standardization import Standardization
from IXGSLib.geometry.similarity import Similarity
from IXGSLib.geometry.twists import change_between, changed, poses, with_poses
from Testing.calibration import phantom

EXPECTED = RefinementSettings(rotation_error=1.5, shift_error=4.0, beam_error=4.0, starts=2)


def perturbed(case, turn=1.5, shift=4.0, seed=0):
    generator, count = np.random.default_rng(seed), len(case.views)
    change = np.concatenate(
        [np.deg2rad(generator.uniform(-turn, turn, (count, 3))), generator.uniform(-shift, shift, (count, 3))], axis=1
    )
    return case.with_poses(with_poses(case.views, changed(poses(case.views), change, case.grid.center)))


def projection_errors(views, true, center):
    """Distance in mm at the region between where its points are seen and where they should be, by view."""
    aligned = Similarity.between(views, true, center).views(views)
    points = center + np.array([[x, y, z] for x in (-30, 30) for y in (-30, 30) for z in (-30, 30)])
    return np.array(
        [
            np.linalg.norm(a.project(points)[0] - b.project(points)[0], axis=1).mean() * b.pixel_size(center)
            for a, b in zip(aligned, true, strict=True)
        ]
    )


@pytest.fixture(scope="module")
def good():
    return phantom.case(phantom.views())


@pytest.fixture(scope="module")
def fine(good):
    views, transforms = radon_transforms(good.xrays, Sampling(background=0.02, fade=0.2))
    return images_of(views, derivatives(transforms), good.grid.center, 60.0, 33)


@pytest.fixture(scope="module")
def found(good):
    return refine(perturbed(good), EXPECTED)


class TestEpipolarResiduals:
    def test_true_poses_agree_and_wrong_ones_do_not(self, good, fine):
        right = fine.disagreement(poses(good.views)).mean()
        wrong = fine.disagreement(poses(perturbed(good).views)).mean()
        assert right < 0.03
        assert wrong > 5 * right

    def test_a_common_rigid_motion_changes_nothing(self, good, fine):
        before = fine.residuals(poses(good.views))
        change = np.tile([0.1, -0.2, 0.3, 0, 0, 0], (1, 1))
        motion = changed(np.eye(4)[None], change, good.grid.center)[0]
        motion[:3, 3] += (20, -30, 10)
        moved_center = motion[:3, :3] @ good.grid.center + motion[:3, 3]
        moved = replace(fine, center=moved_center, views=tuple(with_poses(fine.views, motion @ poses(fine.views))))
        assert np.abs(moved.residuals(motion @ poses(good.views)) - before).max() < 1e-6

    def test_derivatives_are_differences_of_residuals(self, good, fine):
        start = poses(good.views)
        _, slopes = fine.linearized(start)
        step = np.zeros((len(start), 6))
        view, number = 3, 4
        step[view, number] = DIFFERENCE_STEP * fine.units[number]
        ends = [fine.residuals(changed(start, sign * step, fine.center)) for sign in (1, -1)]
        difference = (ends[0] - ends[1]) / (2 * DIFFERENCE_STEP)
        first, second = fine.pairs.T
        expected = np.zeros_like(difference)
        expected[first == view] = slopes[first == view][..., number]
        expected[second == view] = slopes[second == view][..., 6 + number]
        assert np.abs(difference - expected).max() < 1e-12

    def test_opposite_sources_give_finite_residuals(self, good):
        views = [
            phantom.CArm(detector_pixels=(80, 80), detector_size=260.0).view(a, 0, phantom.CENTER) for a in (0, 180)
        ]
        small, transforms = radon_transforms(phantom.xrays(views), Sampling())
        images = images_of(small, derivatives(transforms), phantom.CENTER, 60.0, 33)
        assert np.isfinite(images.linearized(poses(views))[1]).all()


class TestEvidence:
    def test_equal_sets_count_as_one(self, good, fine):
        start = poses(perturbed(good).views)
        twice = Evidence((fine, fine))
        assert np.allclose(twice.disagreement(start), fine.disagreement(start), rtol=1e-12)
        ends = [adjusted(images, start, start, np.full((len(start), 6), 3.0), 2).poses for images in (twice, fine)]
        assert np.abs(ends[0] - ends[1]).max() < 1e-6

    def test_the_disagreement_is_the_mean_of_all_sets(self, good, fine):
        start = poses(perturbed(good).views)
        other = replace(fine, tables=fine.tables[::-1].copy())
        mean = (fine.disagreement(start) + other.disagreement(start)) / 2
        assert np.allclose(Evidence((fine, other)).disagreement(start), mean, rtol=1e-12)


def test_a_masked_fiducial_hides_little_of_its_surroundings(good):
    sampling = Sampling(side=80, fade=0.2)
    xray = good.xrays[0]
    hole = xray.mask.copy()
    middle = hole.shape[0] // 2
    hole[middle, middle] = False
    (_, whole), (_, masked) = (radon_transforms([replace(xray, mask=mask)], sampling) for mask in (xray.mask, hole))
    assert 0 < np.abs(masked - whole).max() < 0.05 * np.abs(whole).max()


class TestAdjustment:
    def test_the_cost_falls(self, good, fine):
        start = poses(perturbed(good).views)
        expected = np.tile([2.0, 2.0, 2.0, 4.0, 4.0, 4.0], (len(start), 1))
        ends = [adjusted(fine, start, start, expected, iterations) for iterations in (1, 5)]
        assert fine.disagreement(start).sum() > ends[0].cost > ends[1].cost

    def test_a_strong_prior_keeps_the_start(self, good, fine):
        start = poses(perturbed(good).views)
        sure = np.full((len(start), 6), 1e-4)
        kept = adjusted(fine, start, start, sure, 5)
        assert np.abs(change_between(start, kept.poses, fine.center) / fine.units).max() < 1e-3


class TestRefine:
    def test_wrong_poses_become_right(self, good, found):
        start = projection_errors(perturbed(good).views, good.views, good.grid.center)
        end = projection_errors(found.case.views, good.views, good.grid.center)
        assert start.mean() > 2
        assert end.mean() < 0.8
        assert end.max() < 1.3
        assert found.verified
        assert found.after < 0.2 * found.before

    def test_the_result_says_what_changed(self, found):
        assert set(found.case.provenance.values()) == {"refined"}
        assert "verified" in found.summary
        assert f"{found.after:.3f}" in found.summary
        assert {view["state"] for view in found.as_dict()["views"]} == {"refined"}

    def test_the_result_stays_in_the_frame_of_the_given_poses(self, good, found):
        motion = Similarity.between(found.case.views, perturbed(good).views, good.grid.center)
        assert motion.scale == pytest.approx(1, abs=1e-6)
        assert np.abs(motion.rotation - np.eye(3)).max() < 1e-6
        assert np.linalg.norm(motion.points(good.grid.center) - good.grid.center) < 1e-3

    def test_true_poses_stay_bit_for_bit(self, good):
        kept = refine(good, EXPECTED)
        assert not kept.changed
        assert kept.case is good
        assert "stay" in kept.summary

    def test_the_same_seed_gives_the_same_poses(self, good, found):
        assert np.array_equal(poses(refine(perturbed(good), EXPECTED).case.views), poses(found.case.views))

    def test_an_x_ray_of_something_else_is_left_out(self, good):
        case = perturbed(good)
        noise = np.random.default_rng(0).normal(1, 0.3, case.xrays[4].image.shape)
        xrays = [replace(xray, image=noise) if n == 4 else xray for n, xray in enumerate(case.xrays)]
        result = refine(replace(case, xrays=tuple(xrays)), EXPECTED)
        assert [view.id for view in result.views if view.state == "left out"] == [case.views[4].id]
        assert len(result.case.views) == len(case.views) - 1
        assert any(case.views[4].id in warning and "left out" in warning for warning in result.case.warnings)

    def test_images_in_random_order_are_not_verified(self, good):
        order = np.random.default_rng(1).permutation(len(good.xrays))
        xrays = tuple(replace(good.xrays[n], view=view) for n, view in zip(order, good.views, strict=True))
        result = refine(replace(good, xrays=xrays), EXPECTED)
        assert not result.verified
        assert any("not verified" in warning for warning in result.case.warnings)
        assert "not verified: the images disagree by" in result.summary

    def test_given_poses_that_stay_are_verified_only_if_they_agree(self, good, monkeypatch):
        monkeypatch.setattr("IXGSLib.calibration.refinement.refinement.MAX_DISAGREEMENT", 1e-6)
        kept = refine(good, EXPECTED)
        assert not kept.changed
        assert not kept.verified
        assert "not verified" in kept.summary
        assert any("not verified" in warning for warning in kept.case.warnings)

    def test_originals_of_standardized_x_rays_help(self, good):
        generator = np.random.default_rng(3)
        errors = [ndimage.gaussian_filter(generator.normal(size=x.image.shape), 1.5) for x in good.xrays]
        xrays = [
            replace(xray, image=xray.image + 0.1 * xray.image.max() * error / error.std())
            for xray, error in zip(good.xrays, errors, strict=True)
        ]
        raw = Standardization({"synthetic": True, "method": "network"}, {xray.view.id: xray for xray in good.xrays})
        alone = perturbed(replace(good, xrays=tuple(xrays)))
        both = perturbed(replace(good, xrays=tuple(xrays), standardization=raw))
        ends = [
            projection_errors(refine(case, EXPECTED).case.views, good.views, good.grid.center) for case in (both, alone)
        ]
        assert ends[0].mean() < 0.8 * ends[1].mean()

    def test_a_single_start_does_not_verify_refined_poses(self, good):
        alone = refine(perturbed(good), replace(EXPECTED, starts=1))
        assert any("a single start" in doubt for doubt in alone.doubts)

    def test_few_views_are_refused(self, good):
        with pytest.raises(GeometryError, match="5 views, expected at least 6"):
            refine(replace(good, xrays=good.xrays[:5]), EXPECTED)

    def test_progress_counts_the_starts(self, good):
        seen = []
        refine(good, EXPECTED, lambda done, total: seen.append((done, total)))
        assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("wrong", [{"rotation_error": 0}, {"shift_error": -1}, {"starts": 0}, {"iterations": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        RefinementSettings(**wrong)
