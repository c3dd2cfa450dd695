"""The input channels of the network, which are invariant to window, bit depth and gamma."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import rankdata

from IXGSLib.standardization.normalization import CHANNELS, channels
from IXGSLib.standardization.smoothing import smooth


@pytest.fixture
def picture():
    rows, columns = np.indices((40, 30))
    return np.sin(rows / 5) + np.cos(columns / 7) + 0.1 * np.random.default_rng(0).standard_normal((40, 30))


@pytest.fixture
def field():
    rows, columns = np.indices((40, 30))
    return np.hypot(rows - 20, columns - 14) < 13


def test_channels_are_invariant_to_scale_and_offset(picture, field):
    np.testing.assert_allclose(channels(picture, field), channels(1000 + 65535 * picture, field), atol=1e-5)


def test_rank_is_the_same_for_any_gamma_and_that_of_scipy(picture, field):
    positive = (picture - picture.min()) / np.ptp(picture)
    expected = rankdata(positive[field]) / field.sum() * 2 - 1
    for gamma in (0.7, 1, 1.4):
        rank = channels(positive**gamma, field)[1]
        np.testing.assert_allclose(rank[field], expected, atol=0.02)


def test_grey_is_linear_between_percentiles_and_clipped_outside(picture, field):
    picture[20, 14] = 1e6
    grey = channels(picture, field)[0]
    low, high = np.percentile(picture[field], (1, 99))
    np.testing.assert_allclose(
        grey[field & (picture < 1e5)], ((2 * picture - low - high) / (high - low))[field & (picture < 1e5)], atol=1e-5
    )
    assert grey.max() == 1.5


def test_inverting_the_image_inverts_grey_rank_and_details(picture, field):
    one, other = channels(picture, field), channels(-picture, field)
    for number in (0, *range(2, CHANNELS - 1)):
        np.testing.assert_allclose(one[number][field], -other[number][field], atol=1e-4)
    np.testing.assert_allclose(one[1][field], -other[1][field], atol=4 / field.sum())


def test_a_faint_detail_has_the_contrast_of_a_strong_one():
    rows, columns = np.indices((128, 128))
    strength = np.where(columns < 64, 1.0, 0.05)
    waves = np.where(rows // 3 % 2, 1, -1) * strength + columns / 16
    details = channels(waves, np.ones(waves.shape, bool))[2]
    strong, faint = details[32:96, 20:40].std(), details[32:96, 90:110].std()
    assert 0.3 < faint / strong < 1.2
    assert waves[32:96, 90:110].std(axis=0).mean() < 0.06 * waves[32:96, 20:40].std(axis=0).mean()


@pytest.mark.parametrize("scale", [0.6, 4.0, 6.0, 12.3])
def test_a_blur_is_gaussian_and_ignores_pixels_outside_the_field(scale, field):
    picture = np.zeros((201, 201), np.float32)
    picture[100, 100] = 1
    made = smooth(picture, np.ones(picture.shape, bool), scale)
    expected = ndimage.gaussian_filter(picture, scale)
    assert np.abs(made - expected).max() < 0.17 * expected.max()
    rows = np.arange(201) - 100
    assert np.sum(made.sum(axis=1) * rows**2) == pytest.approx(scale**2, rel=0.1)
    even = smooth(np.where(field, 3.0, np.nan), field, scale)
    np.testing.assert_allclose(even[field], 3, rtol=1e-4)


def test_pixels_outside_the_field_are_ignored(picture, field):
    expected = channels(picture, field)
    assert (expected[:, ~field] == -1).all()
    np.testing.assert_array_equal(channels(np.where(field, picture, np.nan), field), expected)


@pytest.mark.parametrize("value", [0.0, 255.0])
def test_a_constant_image_is_finite(value, field):
    values = channels(np.full(field.shape, value), field)
    assert np.isfinite(values).all()
    assert np.ptp(values[:2, field]) == 0


def test_an_empty_field_gives_minus_one(picture):
    assert (channels(picture, np.zeros(picture.shape, bool)) == -1).all()
