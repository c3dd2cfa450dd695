"""Rotation vectors of single rotations agree with SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.geometry.turns import rotation, rotation_vector

ANGLES = (0.0, 1e-12, 1e-8, 1e-5, 2e-4, 0.1, 1.5, 2.99, 3.01, np.pi - 1e-7)


@pytest.mark.parametrize("angle", ANGLES)
def test_they_agree_with_scipy_and_with_each_other(angle):
    for axis in np.random.default_rng(1).normal(size=(20, 3)):
        vector = angle * axis / np.linalg.norm(axis)
        R = rotation(vector)
        np.testing.assert_allclose(R, Rotation.from_rotvec(vector).as_matrix(), atol=1e-14)
        np.testing.assert_allclose(rotation_vector(R), vector, atol=1e-9)


def test_a_half_turn_has_its_axis():
    for axis in np.eye(3):
        R = Rotation.from_rotvec(np.pi * axis).as_matrix()
        np.testing.assert_allclose(np.abs(rotation_vector(R)), np.pi * axis, atol=1e-9)
