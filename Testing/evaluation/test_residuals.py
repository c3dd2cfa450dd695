"""The residuals of the X-rays after a reconstruction, and when they cause a warning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.evaluation.residuals import noise_variance, outliers, relative_residual, residual_warnings, residuals
from Testing.calibration.phantom import line_integrals, views, xrays


@pytest.fixture(scope="module")
def good():
    return xrays(views(8), noise=0.02)


@pytest.fixture(scope="module")
def renders(good):
    return [line_integrals(xray.view) for xray in good]


def test_the_variance_of_white_noise_is_found_on_any_smooth_image():
    generator, (y, x) = np.random.default_rng(0), np.mgrid[:200, :200] / 200
    noisy = np.sin(5 * x) + 3 * y + generator.normal(0, 0.1, x.shape)
    assert noise_variance(noisy, np.ones(x.shape, bool)) == pytest.approx(0.01, rel=0.1)
    assert noise_variance(noisy - generator.normal(0, 0, x.shape), np.zeros(x.shape, bool)) == 0
    assert noise_variance(np.zeros((2, 5)), np.ones((2, 5), bool)) == 0


def test_a_misfit_counts_as_residual_but_noise_does_not(good, renders):
    xray, render = good[0], renders[0]
    spread = xray.image.std()
    assert relative_residual(xray, render) < 0.02
    assert relative_residual(xray, render + 0.3 * spread) == pytest.approx(0.3, abs=0.02)
    assert np.isnan(relative_residual(replace(xray, mask=np.zeros_like(xray.mask)), render))


def test_renders_that_fit_cause_no_warning(good, renders):
    assert not list(residual_warnings(good, renders))


def test_views_that_fit_within_their_noise_have_no_outlier(good, renders):
    uneven = [r if n == 3 else 0.3 * x.image + 0.7 * r for n, (x, r) in enumerate(zip(good, renders, strict=True))]
    assert not [one.id for one in residuals(good, uneven) if one.outlier]


def test_a_single_outlier_is_named(good, renders):
    wrong = [
        r + 0.04 * x.image.std() * (8 if n == 3 else 1) for n, (x, r) in enumerate(zip(good, renders, strict=True))
    ]
    assert [one.id for one in residuals(good, wrong) if one.outlier] == ["003"]
    (text,) = residual_warnings(good, wrong)
    assert "view '003'" in text
    assert "--leave-out 003" in text


def test_few_views_and_unmeasured_ones_have_no_outlier():
    assert not outliers(np.array([0.1, 0.1, 0.1, 9.0])).any()
    assert outliers(np.array([0.1, 0.1, np.nan, 0.1, 0.1, 0.1, 9.0])).tolist() == [False] * 6 + [True]


def test_small_residuals_have_no_outlier():
    assert not outliers(np.array([0.01, 0.01, 0.01, 0.01, 0.012, 0.08])).any()


def test_views_that_vary_evenly_have_no_outlier():
    assert not outliers(np.exp(np.random.default_rng(0).normal(-3, 0.2, 40))).any()
