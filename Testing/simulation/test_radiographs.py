"""Noise: Poisson statistics, and the error of storing."""

import numpy as np
import pytest

from IXGSLib.simulation.radiographs import LINE_INTEGRAL_STEP, noisy, stored


@pytest.mark.parametrize("photons", [500.0, 50_000.0])
@pytest.mark.parametrize("line_integral", [0.0, 1.0, 3.0])
def test_counts_have_the_mean_and_variance_of_a_poisson_distribution(photons, line_integral):
    image = noisy(np.full((400, 400), line_integral), photons, np.random.default_rng(0))
    counts, expected = photons * np.exp(-image), photons * np.exp(-line_integral)
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)
    assert counts.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected / counts.size))
    assert counts.var() == pytest.approx(expected, rel=0.02)


def test_a_pixel_without_photons_keeps_a_finite_value():
    image = noisy(np.full((4, 4), 60.0), 1000, np.random.default_rng(0))
    np.testing.assert_allclose(image, np.log(1000))


def test_storing_changes_no_line_integral_by_more_than_half_a_step():
    image = np.random.default_rng(0).uniform(-0.1, 12, (50, 60))
    result = stored(image)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, image, rtol=0, atol=LINE_INTEGRAL_STEP / 2 * 1.001)
    np.testing.assert_array_equal(result / LINE_INTEGRAL_STEP, np.rint(result / LINE_INTEGRAL_STEP))


def test_storing_is_far_below_the_noise():
    noise = noisy(np.zeros((300, 300)), 50_000, np.random.default_rng(0))
    assert (stored(noise) - noise).std() < 0.02 * noise.std()
