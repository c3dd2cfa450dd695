"""Fitting a ball's shadow: centre and radius between the pixels, and exact derivatives."""

import numpy as np
import pytest
from scipy import ndimage

from IXGSLib.xray.fiducial_fit import _Patch, fit_ball

OVERSAMPLING = 8


def shadow(center, radius, blur=0.8, opaque=0.0, size=64):
    """The shadow of a ball of contrast one, integrated over each pixel; blur: standard deviation in pixels."""
    fine = (np.arange(size * OVERSAMPLING) + 0.5) / OVERSAMPLING - 0.5
    depth = np.maximum(0, 1 - ((fine - center[0]) ** 2 + (fine[:, None] - center[1]) ** 2) / radius**2)
    image = (1 - opaque) * np.sqrt(depth) + opaque * np.sign(depth)
    image = ndimage.gaussian_filter(image, blur * OVERSAMPLING)
    return image.reshape(size, OVERSAMPLING, size, OVERSAMPLING).mean(axis=(1, 3))


@pytest.mark.parametrize("opaque", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("radius", [2.0, 4.0, 9.0, 18.0])
def test_the_centre_and_the_radius_are_found_between_the_pixels(radius, opaque):
    rng = np.random.default_rng(0)
    size = 90 if radius > 10 else 64
    y, x = np.mgrid[:size, :size]
    background = 3 + 0.02 * x - 0.01 * y + 0.0004 * x * y
    for _ in range(3):
        center = size / 2 + rng.uniform(-0.5, 0.5, 2)
        image = background + 0.6 * shadow(center, radius, opaque=opaque, size=size)
        image += rng.normal(0, 0.005, image.shape)
        fit = fit_ball(image, size // 2, size // 2, radius * rng.uniform(0.85, 1.2))
        assert np.hypot(fit.x - center[0], fit.y - center[1]) < 0.05
        assert fit.radius == pytest.approx(radius, rel=0.1)
        assert fit.residual < 0.03 * fit.energy


def test_a_ball_at_the_border_of_the_image_is_fitted():
    image = 2 + 0.5 * shadow((5.3, 30.4), 4.0)
    fit = fit_ball(image[:, 3:], 2, 30, 4.0)
    assert (fit.x, fit.y) == pytest.approx((2.3, 30.4), abs=0.05)


def test_holes_and_uniform_patches_are_no_balls():
    assert fit_ball(np.ones((64, 64)), 30, 30, 4.0) is None
    assert fit_ball(np.ones((2, 2)), 0, 0, 4.0) is None
    fit = fit_ball(-shadow((30.0, 30.0), 4.0), 30, 30, 4.0)
    assert fit is None or abs(fit.x - 30) + abs(fit.y - 30) > 2


def test_the_gradient_of_the_sum_of_squares_is_that_of_its_differences():
    patch = _Patch.around(shadow((31.2, 30.9), 5.0, opaque=0.5), 31, 31, 5.5)
    place = np.array([0.4, -0.3, 0.08, 0.2, 0.3])

    def half_squares(parameters):
        return 0.5 * (patch.residuals(parameters) ** 2).sum()

    gradient = patch.derivatives(place).T @ patch.residuals(place)
    steps = 0.01 * np.eye(5)
    differences = [(half_squares(place + step) - half_squares(place - step)) / 0.02 for step in steps]
    np.testing.assert_allclose(gradient, differences, rtol=0.05, atol=1e-4)
