"""Labels of TotalSegmentator, VerSe and of one's own become names of vertebrae."""

from __future__ import annotations

import json

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.geometry import Grid
from IXGSLib.registration.labels import level_of, read_names, vertebra_names
from IXGSLib.volume.images import read_image

GRID = Grid((50, 10, 10), (4.0, 4.0, 2.0), (0.0, 0.0, 0.0), np.eye(3))


def labels(*from_below):
    """Slabs of the given labels, the first at the feet."""
    values = np.zeros(GRID.shape)
    for n, label in enumerate(from_below):
        values[10 * n + 1 : 10 * n + 9] = label
    return values


def test_totalsegmentator_counts_upwards():
    assert list(vertebra_names(labels(26, 27, 28), GRID).items()) == [(28, "L4"), (27, "L5"), (26, "S1")]


def test_its_first_version_has_other_numbers():
    assert list(vertebra_names(labels(18, 19, 20), GRID).values()) == ["L3", "L4", "L5"]


def test_verse_counts_downwards():
    assert list(vertebra_names(labels(24, 23, 22, 19), GRID).items()) == [
        (19, "T12"),
        (22, "L3"),
        (23, "L4"),
        (24, "L5"),
    ]


def test_a_single_label_needs_its_scheme():
    with pytest.raises(FormatError, match="state the scheme"):
        vertebra_names(labels(22), GRID)
    assert vertebra_names(labels(22), GRID, "verse") == {22: "L3"}


def test_other_numbers_need_names():
    with pytest.raises(FormatError, match="61, 62 are not vertebrae"):
        vertebra_names(labels(61, 62), GRID, "verse")
    assert vertebra_names(labels(61, 62), GRID, {61: "L2", 62: "L1"}) == {62: "L1", 61: "L2"}


def test_a_spine_that_is_upside_down_is_refused():
    with pytest.raises(FormatError, match="upside down"):
        vertebra_names(labels(22, 23, 24), GRID, "verse")


def test_remnants_are_left_out():
    values = labels(24, 23)
    values[45, :2, :2] = 22
    assert list(vertebra_names(values, GRID).values()) == ["L4", "L5"]


def test_no_vertebra_is_refused():
    with pytest.raises(FormatError, match="no label fills"):
        vertebra_names(labels(), GRID)


@pytest.mark.parametrize(
    ("name", "level"),
    [("L3", "L3"), (" vertebrae_l3", "L3"), ("T12 vertebra", "T12"), ("Sacrum", "S1"), ("L9", None), ("L3 disc", None)],
)
def test_a_name_means_a_vertebra(name, level):
    assert level_of(name) == level


class TestNames:
    def read(self, tmp_path, content):
        path = tmp_path / "names.json"
        path.write_text(json.dumps(content))
        return read_names(path)

    def test_either_way_round(self, tmp_path):
        assert self.read(tmp_path, {"1": "L4", "2": "vertebrae_L5"}) == {1: "L4", 2: "L5"}
        assert self.read(tmp_path, {"L4": 1, "sacrum": 7}) == {1: "L4", 7: "S1"}

    @pytest.mark.parametrize("content", [{}, [], {"1": "liver"}, {"1": "L9"}, {"1": "L4", "2": "L4"}, {"x": 3}])
    def test_others_are_refused(self, tmp_path, content):
        with pytest.raises(FormatError, match=r"names\.json"):
            self.read(tmp_path, content)


class TestRealLabels:
    @pytest.mark.parametrize(
        ("file", "names"),
        [
            ("ct_totalseg_example/vertebrae.nii.gz", ["T12", "L1", "L2", "L3", "L4", "L5", "S1"]),
            ("ct_l3_tptbox/vert.nii.gz", ["L2", "L3", "L4"]),
            ("mask_verse004/vert_msk.nii.gz", ["T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"]),
        ],
    )
    def test_are_recognised(self, data, file, names):
        assert list(vertebra_names(*read_image(data / file)).values()) == names

    def test_parts_of_a_vertebra_are_refused(self, data):
        with pytest.raises(FormatError, match=r"labels: whose numbers 41, 42, .* whole vertebrae"):
            vertebra_names(*read_image(data / "ct_l3_tptbox" / "subreg.nii.gz"))
