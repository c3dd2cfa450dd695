"""Images resampled to another size and back, without a shift."""

import numpy as np
import pytest

from IXGSLib.standardization.fitting import Fit, resampling

SHAPES = [(64, 64), (100, 37), (37, 101), (512, 512), (97, 64), (20, 13)]


def blob(shape, row, column, sigma):
    rows, columns = np.indices(shape)
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))


def centroid(image):
    rows, columns = np.indices(image.shape)
    return np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()


@pytest.mark.parametrize(("source", "target"), [(64, 64), (100, 64), (511, 256), (13, 64), (1, 5), (5, 1)])
def test_weights_sum_to_one_and_keep_coordinates(source, target):
    weights = resampling(source, target)
    assert weights.shape == (target, source)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    # A ramp over the line stays one: exactly, or within an eighth of a pixel where pixels are averaged in parts.
    ramp = (np.arange(source) + 0.5) / source
    expected = np.clip((np.arange(target) + 0.5) / target, ramp[0], ramp[-1])
    parted = target < source and source % target
    np.testing.assert_allclose(weights @ ramp, expected, atol=1 / 8 / source if parted else 1e-12)


def test_the_same_size_changes_nothing():
    np.testing.assert_array_equal(resampling(17, 17), np.eye(17))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_result_is_resampled_to_the_shape_and_position_of_the_image(shape):
    size = 64
    row, column = 0.4 * shape[0], 0.55 * shape[1]
    picture, field = blob(shape, row, column, min(shape) / 12), np.ones(shape, bool)
    fit = Fit(*shape, size)
    small, inside = fit.square(picture, field)
    assert small.shape == inside.shape == (size, size)
    back = fit.back(small, inside, field)
    assert back.shape == shape
    assert back.dtype == np.float32
    # A fiftieth of the coarser pixel.
    np.testing.assert_allclose(centroid(back), centroid(picture), atol=0.02 * max(1, max(shape) / size))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plane_stays_a_plane(shape):
    rows, columns = np.indices(shape)
    plane, field = 3.0 + 0.01 * rows - 0.02 * columns, np.ones(shape, bool)
    fit = Fit(*shape, 64)
    back = fit.back(*fit.square(plane, field), field)
    reach = int(np.ceil(max(shape) / 64))
    inner = (slice(reach, -reach), slice(reach, -reach))
    np.testing.assert_allclose(back[inner], plane[inner], atol=(0.01 + 0.02) / 8)


def test_downsampling_keeps_the_mean_exactly():
    picture = np.random.default_rng(0).standard_normal((150, 150))
    small, _ = Fit(150, 150, 64).square(picture, np.ones((150, 150), bool))
    assert small.mean() == pytest.approx(picture.mean(), abs=1e-12)


def test_pixels_outside_the_field_are_ignored_and_stay_zero():
    rows, columns = np.indices((130, 90))
    field = np.hypot(rows - 60, columns - 45) < 30
    picture = np.where(field, 2.0, np.nan)
    fit = Fit(130, 90, 64)
    small, inside = fit.square(picture, field)
    np.testing.assert_allclose(small[inside], 2)
    back = fit.back(np.where(inside, small, 99), inside, field)
    np.testing.assert_allclose(back[field], 2, atol=1e-6)
    assert (back[~field] == 0).all()


def test_a_field_smaller_than_a_coarse_pixel_gives_zeros():
    field = np.zeros((512, 512), bool)
    field[100, 100] = True
    fit = Fit(512, 512, 16)
    small, inside = fit.square(np.ones((512, 512)), field)
    assert not inside.any()
    assert (fit.back(small, inside, field) == 0).all()
