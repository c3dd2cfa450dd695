"""Stray views that are looked for again, and the standard deviations of refined poses."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.calibration.radon import Sampling, derivatives, radon_transforms
from IXGSLib.calibration.refinement import RefinementSettings, refine
from IXGSLib.calibration.refinement.adjustment import Adjustment, adjusted
from IXGSLib.calibration.refinement.epipolar import Evidence, images_of
from IXGSLib.calibration.refinement.starts import lengths
from IXGSLib.calibration.refinement.strays import found_again, strays_of
from IXGSLib.calibration.refinement.uncertainty import standard_deviations
from IXGSLib.geometry.twists import change_between, changed, poses
from Testing.calibration import phantom
from Testing.calibration.test_refinement import projection_errors

EXPECTED = np.array([np.deg2rad(3)] * 3 + [6.0, 6.0, 9.0])
FAR = np.array([[np.deg2rad(4), np.deg2rad(-3), np.deg2rad(5), 14.0, -11.0, 12.0]])
"""Far from the true pose, further than an adjustment reaches."""


@pytest.fixture(scope="module")
def good():
    return phantom.case(phantom.views())


@pytest.fixture(scope="module")
def images(good):
    views, transforms = radon_transforms(good.xrays, Sampling(background=0.012, fade=0.2))
    return Evidence((images_of(views, derivatives(transforms, 2.0), good.grid.center, 60.0, 33),))


def with_strays(good, *numbers):
    result = poses(good.views)
    for number in numbers:
        result[number] = changed(result[number][None], FAR, good.grid.center)[0]
    return result


class TestStrays:
    def test_true_poses_have_none(self, good, images):
        assert found_again(images, poses(good.views), poses(good.views), EXPECTED, np.random.default_rng(0)) is None

    def test_the_worst_comes_first(self, good, images):
        given = with_strays(good, 2, 5)
        strays = strays_of(images, given)
        by_view = images.by_view(images.disagreement(given))
        assert set(strays[:2]) == {2, 5}
        assert list(strays) == sorted(strays, key=lambda number: -by_view[number])

    def test_none_are_looked_for_when_too_many_stray(self, good, images):
        half = range(0, len(good.views), 2)
        given = with_strays(good, *half)
        assert len(strays_of(images, given)) <= len(good.views) / 3

    def test_they_are_found_again_and_the_others_stay(self, good, images):
        given = with_strays(good, 2, 5)
        found = found_again(images, given, given, EXPECTED, np.random.default_rng(0))
        before, after = (lengths(change_between(poses(good.views), each, images.center))[1] for each in (given, found))
        assert (after[[2, 5]] < before[[2, 5]] / 3).all()
        others = np.setdiff1d(np.arange(len(given)), strays_of(images, given))
        assert len(others) >= len(given) / 2
        assert np.array_equal(found[others], given[others])

    def test_the_disagreement_of_one_view_is_that_of_its_pairs(self, good, images):
        given, number, others = with_strays(good, 3), 3, np.array([0, 1, 6])
        alone = images.disagreement_of(number, given[number][None], given, others)[0]
        rows = (images.pairs == number).any(axis=1) & np.isin(images.pairs, others).any(axis=1)
        assert np.allclose(alone, images.disagreement(given)[rows], atol=1e-9)

    def test_refining_brings_them_back(self, good):
        given = good.with_poses(
            [replace(v, world_from_camera=p) for v, p in zip(good.views, with_strays(good, 4), strict=True)]
        )
        found = refine(given, RefinementSettings(rotation_error=3, shift_error=6, beam_error=9, starts=2))
        assert projection_errors(given.views, good.views, good.grid.center).max() > 5
        assert projection_errors(found.case.views, good.views, good.grid.center).max() < 1.3
        assert len(found.case.views) == len(good.views)


class TestStandardDeviations:
    def test_a_common_motion_has_none(self, good, images):
        """Pulls that move all views alike leave no deviation, however strong they are."""
        start = poses(good.views)
        fitted = adjusted(images, start, start, np.full((len(start), 6), 3.0), 3)
        sd = standard_deviations(images, fitted)
        assert sd.shape == (len(start), 6)
        assert (sd > 0).all()
        assert np.isfinite(sd).all()
        along = replace(fitted, pulls=np.zeros_like(fitted.pulls))
        assert (standard_deviations(images, along) == 0).all()

    def test_they_grow_with_the_pulls_and_shrink_with_the_curvature(self, good, images):
        start = poses(good.views)
        fitted = adjusted(images, start, start, np.full((len(start), 6), 3.0), 3)
        sd = standard_deviations(images, fitted)
        assert np.allclose(standard_deviations(images, replace(fitted, pulls=2 * fitted.pulls)), 2 * sd)
        assert np.allclose(standard_deviations(images, replace(fitted, information=2 * fitted.information)), sd / 2)

    def test_they_cover_the_errors_of_noisy_images(self, good):
        """The root mean square of actual errors is within a factor of 2.5 of the one that is stated."""
        generator = np.random.default_rng(1)
        xrays = [
            replace(xray, image=xray.image + generator.normal(0, 0.05 * xray.image.max(), xray.image.shape))
            for xray in good.xrays
        ]
        views, transforms = radon_transforms(xrays, Sampling(background=0.012, fade=0.2))
        noisy = Evidence((images_of(views, derivatives(transforms), good.grid.center, 60.0, 33),))
        start = poses(good.views)
        fitted: Adjustment = adjusted(noisy, start, start, np.full((len(start), 6), 3.0), 10)
        actual = lengths(change_between(start, fitted.poses, noisy.center))
        stated = lengths(standard_deviations(noisy, fitted))
        for error, sd in zip(actual, stated, strict=True):
            ratio = np.sqrt(np.mean(error**2) / np.mean(sd**2))
            assert 1 / 2.5 < ratio < 2.5
