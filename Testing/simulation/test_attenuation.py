"""Hounsfield units to attenuation: fixed points, the soft step, and values that are not HU."""

import warnings

import numpy as np
import pytest

from IXGSLib.errors import IXGSWarning
from IXGSLib.simulation.attenuation import all_tissue, bone_enhanced, check_hounsfield


def test_water_air_and_vacuum_have_their_attenuation():
    np.testing.assert_allclose(all_tissue(np.array([0, -1000, -500, 1000])), [0.0192, 0, 0.0096, 0.0384], rtol=1e-6)
    np.testing.assert_array_equal(all_tissue(np.array([-1024, -2000, -32768])), 0)


def test_enhancing_bone_removes_soft_tissue_and_keeps_dense_bone():
    soft, dense = np.array([-1000, -100, 0, 60]), np.array([400, 800, 3000])
    assert bone_enhanced(soft).max() < 0.01 * 0.0192
    np.testing.assert_allclose(bone_enhanced(dense), all_tissue(dense), rtol=2e-3)


@pytest.mark.parametrize("threshold", [150.0, 200.0, 350.0])
def test_the_step_is_a_logistic_curve_with_its_middle_at_the_threshold(threshold):
    steps = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
    values = threshold + 25 * steps
    weights = bone_enhanced(values, threshold, 25) / all_tissue(values)
    np.testing.assert_allclose(weights, 1 / (1 + np.exp(-steps)), rtol=1e-5)


def test_denser_tissue_never_attenuates_less():
    values = np.linspace(-1100, 4000, 5000)
    assert np.diff(all_tissue(values)).min() >= 0
    assert np.diff(bone_enhanced(values)).min() >= 0


def test_the_steepest_step_does_not_overflow():
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_array_equal(bone_enhanced(np.array([-1024, 0, 32767]), 200, 0.1)[:2], 0)


def test_values_without_air_cause_a_warning():
    with pytest.warns(IXGSWarning, match="scan.nii: the smallest value is 24.*subtract"):
        check_hounsfield(np.array([24, 1024, 2048]), 200, "scan.nii")


def test_values_without_bone_cause_a_warning():
    with pytest.warns(IXGSWarning, match="largest value is 0.03"):
        check_hounsfield(np.array([-0.01, 0.03]), 200)


def test_a_normal_ct_causes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_hounsfield(np.array([-1024, 40, 1500]), 200)
