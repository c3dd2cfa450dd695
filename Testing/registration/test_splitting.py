"""Vertebrae from one point in each body."""

from __future__ import annotations

import json

import numpy as np
import pytest

from IXGSLib import register
from IXGSLib.errors import FormatError, GeometryError, SettingsError
from IXGSLib.geometry import Grid
from IXGSLib.registration import read_anatomy
from IXGSLib.registration.splitting import REACH_MM, labels_from_points, names_of, read_points
from Testing.registration import phantom


def points():
    return {name: np.array([0.0, -10.0, height]) for name, height in zip(phantom.NAMES, phantom.HEIGHTS, strict=True)}


def test_bone_goes_to_its_own_vertebra():
    values, labels = phantom.ct()
    found = labels_from_points(values, phantom.GRID, points())
    assert names_of(points()) == {1: "L1", 2: "L2", 3: "L3", 4: "L4"}
    for n, label in enumerate(phantom.LABELS, start=1):
        own = labels == label
        assert ((found == n) & own).sum() > 0.9 * own.sum()
        assert ((found == n) & own).sum() > 0.9 * (found == n).sum()


def test_they_are_registered_like_labelled_ones():
    found = register(read_anatomy((phantom.ct()[0], phantom.GRID), points=points()), phantom.case())
    assert [v.name for v in found.vertebrae] == list(phantom.NAMES)
    for vertebra, label in zip(found.vertebrae, phantom.LABELS, strict=True):
        assert phantom.target_error(vertebra.world_from_ct, phantom.motions()[label], label) < 0.6
    assert found.verified, found.summary


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"L1": (0, 0, 0), "L2": (0, 0, 50)}, "below the one before"),
        ({"liver": (0, 0, 0)}, "expected vertebrae such as L3"),
        ({"L1": (0, 0, 900)}, "outside the CT"),
        ({}, "none: expected vertebrae"),
    ],
)
def test_points_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(GeometryError, match=words):
        labels_from_points(phantom.ct()[0], phantom.GRID, {name: np.array(point) for name, point in wrong.items()})


def test_labels_and_points_together_are_refused():
    values, labels = phantom.ct()
    with pytest.raises(SettingsError, match="expected one of them"):
        read_anatomy((values, phantom.GRID), (labels, phantom.GRID), points=points())


class TestFiles:
    def read(self, tmp_path, content):
        path = tmp_path / "bodies.mrk.json"
        path.write_text(json.dumps(content))
        return read_points(path)

    def markups(self, *labels, system="RAS"):
        control = [{"label": label, "position": [1.0, 2.0, 3.0 - n]} for n, label in enumerate(labels)]
        return {"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": control}]}

    def test_markups_of_slicer_become_lps(self, tmp_path):
        found = self.read(tmp_path, self.markups("L3", "L4"))
        assert found["L3"].tolist() == [-1, -2, 3]
        assert self.read(tmp_path, self.markups("L3", system="LPS"))["L3"].tolist() == [1, 2, 3]

    def test_plain_json(self, tmp_path):
        assert self.read(tmp_path, {"L3": [4, 5, 6]})["L3"].tolist() == [4, 5, 6]

    @pytest.mark.parametrize(
        "content",
        [
            [],
            {"L3": [1, 2]},
            {"markups": 3},
            {"markups": [{"controlPoints": [{"label": "L3"}]}]},
            {"markups": [{"coordinateSystem": "XYZ", "controlPoints": []}]},
        ],
    )
    def test_others_are_refused(self, tmp_path, content):
        with pytest.raises(FormatError, match=r"bodies\.mrk\.json"):
            self.read(tmp_path, content)

    def test_names_given_twice_are_refused(self, tmp_path):
        with pytest.raises(FormatError, match="two points are named L3"):
            self.read(tmp_path, self.markups("L3", "L3"))


def test_bone_far_from_a_point_is_not_of_its_vertebra():
    """A rod through bone that leads away from a vertebra stays without a label beyond REACH_MM."""
    grid = Grid.centered((0, 0, 0), (20, 20, 400), 2.0)
    values = np.full(grid.shape, -50, np.float32)
    values[:, 4:6, 4:6] = 900
    found = labels_from_points(values, grid, {"L1": np.array([0.0, 0.0, 100.0]), "L2": np.array([0.0, 0.0, -100.0])})
    heights = grid.points()[..., 2]
    assert heights[found == 1].min() > 100 - REACH_MM - 4
    assert heights[found == 2].max() < -100 + REACH_MM + 4
    assert (found[(np.abs(heights) < 20)] == 0).all()
    assert ((found == 1) & (values > 0)).sum() > 4 * 60
