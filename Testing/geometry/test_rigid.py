"""Rigid motions: group laws, and what is refused or corrected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from IXGSLib.errors import GeometryError, IXGSWarning
from IXGSLib.geometry.rigid import apply, constant, counts, inverse, proper_rotation
from Testing.geometry.strategies import HALF_TURNS, motions, rotations, vectors

POINTS = np.random.default_rng(0).uniform(-300, 300, (4, 5, 3))


@given(motions())
def test_the_inverse_undoes_a_motion(T):
    np.testing.assert_allclose(apply(inverse(T), apply(T, POINTS)), POINTS, atol=1e-9)
    np.testing.assert_allclose(T @ inverse(T), np.eye(4), atol=1e-9)


@given(motions(), motions())
def test_applying_a_product_is_applying_one_after_the_other(S, T):
    np.testing.assert_allclose(apply(S @ T, POINTS), apply(S, apply(T, POINTS)), atol=1e-9)


@given(motions())
def test_a_motion_keeps_distances(T):
    before = np.linalg.norm(POINTS[0] - POINTS[1], axis=-1)
    after = np.linalg.norm(apply(T, POINTS[0]) - apply(T, POINTS[1]), axis=-1)
    np.testing.assert_allclose(after, before, rtol=1e-10)


@given(rotations())
def test_a_rotation_passes_unchanged(R):
    np.testing.assert_array_equal(proper_rotation(R, "R"), R)


@given(rotations(), vectors(-1e-4, 1e-4, 9))
def test_a_rotation_with_small_errors_is_corrected_with_a_warning(R, noise):
    noisy = R + noise.reshape(3, 3) + 1e-4 * R
    with pytest.warns(IXGSWarning, match=r"replaced by the nearest rotation"):
        corrected = proper_rotation(noisy, "R")
    np.testing.assert_allclose(corrected.T @ corrected, np.eye(3), atol=1e-14)
    assert np.linalg.det(corrected) > 0
    np.testing.assert_allclose(corrected, R, atol=1e-3)


@pytest.mark.parametrize("R", HALF_TURNS)
@pytest.mark.parametrize("column", range(3))
def test_a_reflection_is_refused(R, column):
    mirrored = R.copy()
    mirrored[:, column] *= -1
    with pytest.raises(GeometryError, match=r"R is a reflection \(determinant -1\)"):
        proper_rotation(mirrored, "R")


@pytest.mark.parametrize("factor", [0.0, 0.99, 1.01, 1000.0])
def test_a_scaled_rotation_is_refused(factor):
    with pytest.raises(GeometryError, match="R is not a rotation"):
        proper_rotation(factor * np.eye(3), "R")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    with pytest.raises(GeometryError, match="origin holds NaN or infinite numbers"):
        constant([0, bad, 0], (3,), "origin")


@pytest.mark.parametrize("values", [[[1, 2], [3]], ["a", "b", "c"], None, {"x": 1}, [1j, 0, 0]])
def test_what_is_not_numbers_is_refused(values):
    with pytest.raises(GeometryError, match="origin"):
        constant(values, (3,), "origin")


def test_a_wrong_shape_is_refused_with_both_shapes():
    with pytest.raises(GeometryError, match=r"shape \(4,\), expected \(3,\)"):
        constant([0, 0, 0, 1], (3,), "origin")


def test_a_constant_is_a_copy_that_cannot_be_written():
    given_values = np.zeros(3)
    kept = constant(given_values, (3,), "origin")
    given_values[0] = 5
    assert kept[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1


@pytest.mark.parametrize("values", [(2.5, 3), (0, 3), (-1, 3)])
def test_only_positive_whole_numbers_count(values):
    assert counts((2.0, np.int64(3)), 2, "size") == (2, 3)
    with pytest.raises(GeometryError, match="expected 2 positive whole numbers"):
        counts(values, 2, "size")
