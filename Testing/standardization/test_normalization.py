"""What the network sees of a picture: the same for any window, bit depth and gamma."""

import numpy as np
import pytest
from scipy.stats import rankdata

from IXGSLib.standardization.normalization import channels


@pytest.fixture
def picture():
    rows, columns = np.indices((40, 30))
    return np.sin(rows / 5) + np.cos(columns / 7) + 0.1 * np.random.default_rng(0).standard_normal((40, 30))


@pytest.fixture
def field():
    rows, columns = np.indices((40, 30))
    return np.hypot(rows - 20, columns - 14) < 13


def test_scale_and_offset_of_the_numbers_do_not_matter(picture, field):
    np.testing.assert_allclose(channels(picture, field), channels(1000 + 65535 * picture, field), atol=1e-5)


def test_rank_is_the_same_for_any_gamma_and_that_of_scipy(picture, field):
    positive = (picture - picture.min()) / np.ptp(picture)
    expected = rankdata(positive[field]) / field.sum() * 2 - 1
    for gamma in (0.7, 1, 1.4):
        rank = channels(positive**gamma, field)[1]
        np.testing.assert_allclose(rank[field], expected, atol=0.02)


def test_grey_is_linear_between_percentiles_and_cut_off_beyond(picture, field):
    picture[20, 14] = 1e6
    grey = channels(picture, field)[0]
    low, high = np.percentile(picture[field], (1, 99))
    np.testing.assert_allclose(
        grey[field & (picture < 1e5)], ((2 * picture - low - high) / (high - low))[field & (picture < 1e5)], atol=1e-5
    )
    assert grey.max() == 1.5


def test_a_negative_has_negative_grey_and_rank(picture, field):
    one, other = channels(picture, field), channels(-picture, field)
    np.testing.assert_allclose(one[0][field], -other[0][field], atol=1e-6)
    np.testing.assert_allclose(one[1][field], -other[1][field], atol=4 / field.sum())


def test_outside_the_field_nothing_counts(picture, field):
    expected = channels(picture, field)
    assert (expected[:, ~field] == -1).all()
    np.testing.assert_array_equal(channels(np.where(field, picture, np.nan), field), expected)


@pytest.mark.parametrize("value", [0.0, 255.0])
def test_a_picture_of_one_grey_is_finite(value, field):
    values = channels(np.full(field.shape, value), field)
    assert np.isfinite(values).all()
    assert np.ptp(values[:2, field]) == 0


def test_an_empty_field_is_nothing(picture):
    assert (channels(picture, np.zeros(picture.shape, bool)) == -1).all()
