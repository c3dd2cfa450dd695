"""Images that are no CT, and labels that do not belong to it, are refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib import RegistrationSettings
from IXGSLib.errors import FormatError, GeometryError, SettingsError
from IXGSLib.registration.anatomy import read_anatomy
from Testing.registration import phantom

SETTINGS = RegistrationSettings()


def read(values=None, labels=None, grid=phantom.GRID, lattice=phantom.GRID):
    own, known = phantom.ct()
    return read_anatomy(
        (own if values is None else values, grid), (known if labels is None else labels, lattice), SETTINGS
    )


def test_vertebrae_are_in_order_and_move_with_the_bone_around_them():
    spine = read().spine
    assert [spine.bones[n].name for n in spine.vertebrae] == list(phantom.NAMES)
    for n, label in zip(spine.vertebrae, phantom.LABELS, strict=True):
        assert np.linalg.norm(spine.bones[n].center - phantom.points(label).mean(axis=0)) < 0.5


def test_no_bone_is_lost_between_the_points():
    """At every pitch the points hold the attenuation of the CT times its volume."""
    values, _ = phantom.ct()
    spine = read().spine
    from IXGSLib.simulation.attenuation import bone_enhanced

    total = bone_enhanced(values).sum() * np.prod(phantom.GRID.spacing)
    for cloud in spine.whole.clouds.values():
        assert cloud.amounts.sum() == pytest.approx(total, rel=0.04)


def test_an_mr_is_refused():
    values, _ = phantom.ct()
    with pytest.raises(FormatError, match="an MR has no such unit"):
        read(np.abs(values) / 2)


def test_an_mr_with_negative_values_is_refused_by_its_labels():
    values, labels = phantom.ct()
    mr = np.where(labels > 0, 250.0, np.where(values > -500, 600.0, -20.0)).astype(np.float32)
    with pytest.raises(FormatError, match="this is an MR"):
        read(mr)


def test_a_ct_without_bone_is_refused():
    values, _ = phantom.ct()
    with pytest.raises(FormatError, match="expected bone"):
        read(np.minimum(values, 100))


def test_labels_of_another_size_are_refused():
    labels = phantom.ct()[1][:-3]
    with pytest.raises(GeometryError, match="labels of 44 x 50 x 73 voxels, the CT has 44 x 50 x 76"):
        read(labels=labels, lattice=replace(phantom.GRID, shape=labels.shape))


def test_labels_that_lie_elsewhere_are_refused():
    with pytest.raises(GeometryError, match=r"lie 3\.0 mm from the CT"):
        read(lattice=replace(phantom.GRID, origin=phantom.GRID.origin + (3, 0, 0)))


@pytest.mark.parametrize(
    "wrong", [{"restarts": 1}, {"max_spread": 0}, {"scheme": "mine"}, {"bone_threshold": float("nan")}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match="|".join(wrong)):
        RegistrationSettings(**wrong)
