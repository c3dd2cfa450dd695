"""Perceptual metrics order volumes as their definition says, and need no torchvision."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import ndimage

from IXGSLib.errors import IXGSError, SettingsError
from IXGSLib.evaluation.labels import lower_is_better
from IXGSLib.evaluation.perceptual import bone_window, compare_perceptually
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from Testing.evaluation.tasks.phantom import UPRIGHT, Phantom, grid_around, volume

pytestmark = [
    pytest.mark.skipif(find_spec("piq") is None, reason="needs piq"),
    pytest.mark.usefixtures("one_torch_thread"),
]


@pytest.fixture(scope="module")
def truth():
    return volume(Phantom(), UPRIGHT, grid_around(UPRIGHT, 2.0, 100.0))


def blurred(truth, sigma):
    return Volume(ndimage.gaussian_filter(truth.values, sigma), truth.grid)


def test_equal_volumes_are_equal(truth):
    found = compare_perceptually(truth, truth)
    assert (found.haarpsi, found.vif) == pytest.approx((1.0, 1.0), abs=1e-4)
    assert found.gmsd == pytest.approx(0.0, abs=1e-4)


def test_more_blur_is_worse_by_every_metric(truth):
    little, much = (compare_perceptually(blurred(truth, sigma), truth).as_dict() for sigma in (0.7, 2.0))
    for name in ("haarpsi", "vif", "gmsd"):
        better = little[name] < much[name] if lower_is_better(name) else little[name] > much[name]
        assert better, name


def test_what_lies_outside_the_bone_window_does_not_count(truth):
    changed = Volume(
        np.where(truth.values > 0.02, truth.values + 0.03, np.where(truth.values > 0, truth.values, -0.01)), truth.grid
    )
    same = Volume(np.where(truth.values > 0.02, 0.02, truth.values), truth.grid)
    assert compare_perceptually(changed, truth, (0.0, 0.02)).haarpsi > 0.99
    assert compare_perceptually(same, truth, (0.0, 0.02)).haarpsi > 0.99
    assert compare_perceptually(changed, truth).haarpsi < 0.9


def test_the_window_begins_above_air_where_there_is_soft_tissue(truth):
    assert bone_window(truth)[0] == 0.0
    tissue = Volume(np.maximum(truth.values, 0.02), truth.grid)
    assert bone_window(tissue)[0] == pytest.approx(0.0096)


def test_other_grids_are_resampled(truth):
    finer = volume(Phantom(), UPRIGHT, grid_around(UPRIGHT, 1.5, 100.0))
    assert compare_perceptually(finer, truth).haarpsi > 0.8


def test_slices_without_bone_and_small_ones_have_no_value(truth):
    small = Volume(truth.values[:20, :20, :20], Grid.centered((0, 0, 0), (40, 40, 40), 2.0))
    for each in (small, Volume(np.zeros(truth.grid.shape), truth.grid)):
        found = compare_perceptually(each, each)
        assert found.as_dict() == {"haarpsi": None, "vif": None, "gmsd": None}
        assert found.notes


def test_an_empty_window_is_refused(truth):
    with pytest.raises(SettingsError, match="expected the lower value first"):
        compare_perceptually(truth, truth, (0.02, 0.01))


def test_neither_torchvision_nor_half_of_piq_is_left_behind(truth):
    before = set(sys.modules)
    compare_perceptually(truth, truth)
    assert not {name for name in set(sys.modules) - before if name.startswith(("torchvision", "piq"))}


def test_without_piq_the_cure_is_named(truth, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(IXGSError, match=r"pip install 'IXGSLib\[perceptual\]'"):
        compare_perceptually(truth, truth)
