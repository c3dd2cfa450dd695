"""What standardisation added or removed, and which views disagree."""

import numpy as np
import pytest

from IXGSLib.evaluation.comparison import changes
from IXGSLib.evaluation.reprojection import disagreeing, reprojection_errors
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.xray import XRay

PIXEL, LIMIT = 0.8, 0.25


def pair():
    """An X-ray, and a standardisation that only damps tissue and scales bone."""
    y, x = np.mgrid[:128, :128]
    rng = np.random.default_rng(0)
    bone = 0.4 * (np.sin(x / 5) > 0.5) * (np.cos(y / 7) > 0)
    tissue = 3 + x / 50 + 0.01 * rng.standard_normal(x.shape)
    return (tissue + bone).astype(np.float32), (1.3 * bone).astype(np.float32)


def spot(at, radius=5):
    y, x = np.mgrid[:128, :128]
    return np.hypot(y - at[0], x - at[1]) < radius


def found(raw, made):
    return changes(raw, made, np.ones(raw.shape, bool), PIXEL, LIMIT)


def test_damped_tissue_and_another_scale_are_no_change():
    change = found(*pair())
    assert change.added.mean() < 0.01
    assert change.removed.mean() < 0.01


@pytest.mark.parametrize("at", [(40, 40), (64, 100)])
def test_invented_and_erased_bone_is_marked_in_place(at):
    raw, made = pair()
    there = spot(at)
    added = found(raw, made + 0.8 * there)
    assert added.added[spot(at, 3)].mean() > 0.9
    assert added.added[~spot(at, 12)].mean() < 0.01
    removed = found(raw + 0.8 * there, made)
    assert removed.removed[spot(at, 3)].mean() > 0.9
    assert removed.removed[~spot(at, 12)].mean() < 0.01


def test_nothing_is_marked_where_nothing_was_measured():
    raw, made = pair()
    mask = ~spot((40, 40), 20)
    change = changes(raw, made + 2 * spot((40, 40)), mask, PIXEL, LIMIT)
    assert not (change.added | change.removed)[~mask].any()
    nothing = changes(raw, made, np.zeros_like(mask), PIXEL, LIMIT)
    assert not (nothing.added | nothing.removed).any()


def test_a_view_that_the_volume_cannot_reproduce_disagrees():
    views = [CArm(detector_pixels=(8, 8)).view(10 * n, 0, (0, 0, 0)) for n in range(4)]
    xrays = [XRay(view, np.ones((8, 8)), np.ones((8, 8), bool)) for view in views[:3]]
    xrays.append(XRay(views[3], np.ones((8, 8)), np.zeros((8, 8), bool)))
    renders = [np.full((8, 8), value, np.float32) for value in (1.1, 0.9, 1.4, 5.0)]
    errors = reprojection_errors(xrays, renders)
    np.testing.assert_allclose(errors, [0.1, 0.1, 0.4, np.nan], rtol=1e-5)
    assert disagreeing(errors) == [False, False, True, False]
