"""Bone-enhanced line integrals without a network: their invariances, and their agreement with the truth."""

import numpy as np
import pytest

from IXGSLib.standardization.classical import (
    MEAN_BONE_LINE_INTEGRAL,
    TARGET_CONTRAST,
    TEXTURE_BANDS,
    contrast,
    enhanced,
)
from IXGSLib.xray.bands import bands

PIXEL = 0.8


def scene(seed=0, size=128):
    """(rows, columns) line integrals of soft tissue with a slope, and of bones with thin shells."""
    y, x = np.mgrid[:size, :size] / size
    rng = np.random.default_rng(seed)
    tissue = 3 + 1.5 * x - y + 0.6 * np.cos(5 * x + rng.uniform(0, 6))
    bone = np.zeros((size, size))
    for top in (0.05, 0.3, 0.55, 0.8):
        inside = (abs(x - 0.5) < 0.16) & (y > top) & (y < top + 0.19)
        core = (abs(x - 0.5) < 0.13) & (y > top + 0.03) & (y < top + 0.16)
        bone += 0.6 * inside + 0.5 * (inside & ~core)
    return tissue.astype(np.float32), bone.astype(np.float32)


def whole(image):
    return np.ones(image.shape, bool)


def test_bands_add_up_to_the_image_minus_its_mean():
    image = sum(scene())
    mask = np.random.default_rng(1).random(image.shape) < 0.9
    parts = bands(image, mask, PIXEL)
    np.testing.assert_allclose(parts.sum(axis=0)[mask], (image - image[mask].mean())[mask], atol=2e-5)
    assert (parts[:, ~mask] == 0).all()


def test_unmeasured_pixels_have_no_effect():
    image = sum(scene())
    mask = whole(image)
    mask[40:60, 30:50] = False
    other = np.where(mask, image, 1e4)
    np.testing.assert_array_equal(enhanced(image, mask, PIXEL), enhanced(other, mask, PIXEL))


@pytest.mark.parametrize(("scale", "offset"), [(0.3, 0.0), (7.0, 2.0), (1.0, -40.0)])
def test_the_result_is_invariant_to_exposure_and_scale(scale, offset):
    image = sum(scene())
    np.testing.assert_allclose(
        enhanced(scale * image + offset, whole(image), PIXEL), enhanced(image, whole(image), PIXEL), atol=2e-3
    )


def test_the_result_does_not_depend_on_the_pixel_size():
    image = sum(scene())
    fine = enhanced(np.kron(image, np.ones((2, 2), np.float32)), np.ones((256, 256), bool), PIXEL / 2)
    coarse = fine.reshape(128, 2, 128, 2).mean(axis=(1, 3))
    assert np.abs(coarse - enhanced(image, whole(image), PIXEL)).mean() < 0.03


def test_the_result_correlates_better_with_bone_than_the_best_linear_fit_of_the_x_ray():
    tissue, bone = scene()
    image = tissue + bone
    fitted = np.polyval(np.polyfit(image.ravel(), bone.ravel(), 1), image)
    found = enhanced(image, whole(image), PIXEL)
    assert found.min() >= 0
    assert np.corrcoef(found.ravel(), bone.ravel())[0, 1] > np.corrcoef(fitted.ravel(), bone.ravel())[0, 1] + 0.1


def test_views_are_scaled_to_the_same_contrast():
    for seed in range(3):
        tissue, bone = scene(seed)
        parts = bands((1 + seed) * (tissue + bone), whole(bone), PIXEL)
        gain = TARGET_CONTRAST / contrast(parts, whole(bone))
        assert contrast(gain * parts, whole(bone)) == pytest.approx(TARGET_CONTRAST, rel=1e-4)
    assert TEXTURE_BANDS[1] < len(parts)


def test_a_constant_image_gives_finite_values():
    flat = np.full((32, 32), 2.0, np.float32)
    np.testing.assert_allclose(enhanced(flat, whole(flat), PIXEL), MEAN_BONE_LINE_INTEGRAL, atol=1e-2)
    assert not enhanced(flat, np.zeros_like(flat, bool), PIXEL).any()
