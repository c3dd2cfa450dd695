"""X-rays become grey pictures in a window that outliers and masked pixels do not affect."""

import numpy as np
import pytest

from IXGSLib.xray.windowing import grey_picture, grey_window, to_grey


def test_the_window_ignores_masked_pixels_and_outliers():
    image = np.random.default_rng(0).uniform(1, 3, (100, 120)).astype(np.float32)
    mask = np.ones(image.shape, dtype=bool)
    image[:10], mask[:10] = 50, False
    image[50, 60] = 100
    assert grey_window(image, mask) == pytest.approx((1.01, 2.99), abs=0.01)


def test_without_measured_pixels_the_window_is_the_unit_interval():
    assert grey_window(np.zeros((3, 4)), np.zeros((3, 4), dtype=bool)) == (0.0, 1.0)


def test_grey_levels_are_linear_between_the_ends_of_the_window_and_clipped_beyond():
    picture = to_grey(np.array([[-1.0, 1.0, 1.5, 2.0, 9.0]]), 1.0, 2.0)
    assert picture.dtype == np.uint8
    assert picture.tolist() == [[0, 0, 128, 255, 255]]


def test_a_constant_image_does_not_divide_by_zero():
    assert to_grey(np.full((2, 2), 3.0), 3.0, 3.0).tolist() == [[0, 0], [0, 0]]


def test_a_picture_spans_the_measured_pixels_and_hides_the_masked_ones():
    generator = np.random.default_rng(5)
    image, mask = generator.random((30, 40), dtype=np.float32), generator.random((30, 40)) > 0.2
    picture = grey_picture(image, mask)
    assert picture.dtype == np.uint8
    assert (picture[~mask] == 0).all()
    assert (picture[mask].min(), picture.max()) == (0, 255)
