"""Label masks and the names of their labels are read or refused."""

from __future__ import annotations

import numpy as np
import pytest

from IXGSLib.errors import FormatError, SettingsError
from IXGSLib.evaluation.tasks.files import TOTALSEGMENTATOR, VERSE, levels_from, read_labels
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume

GRID = Grid.centered((0, 0, 0), (6, 6, 6), 2.0)


def saved(tmp_path, values):
    Volume(np.broadcast_to(np.asarray(values, np.float32), GRID.shape), GRID).save(tmp_path / "labels.nrrd")
    return tmp_path / "labels.nrrd"


def test_labels_are_whole_numbers(tmp_path):
    labels, grid = read_labels(saved(tmp_path, [0, 20, 21]))
    assert labels.dtype.kind == "i"
    assert sorted(np.unique(labels)) == [0, 20, 21]
    assert grid.shape == GRID.shape


@pytest.mark.parametrize(
    ("values", "message"), [([0, 0.5, 1], "other values"), ([0, -1, 1], "other values"), ([0, 0, 0], "no label")]
)
def test_other_images_are_refused(tmp_path, values, message):
    with pytest.raises(FormatError, match=message):
        read_labels(saved(tmp_path, values))


def test_schemes_name_the_labels_that_a_mask_has_from_the_head_to_the_feet():
    assert (VERSE[8], VERSE[19], VERSE[20], VERSE[24]) == ("T1", "T12", "L1", "L5")
    assert (TOTALSEGMENTATOR[27], TOTALSEGMENTATOR[31], TOTALSEGMENTATOR[32], TOTALSEGMENTATOR[43]) == (
        "L5",
        "L1",
        "T12",
        "T1",
    )
    assert list(levels_from(["verse"], np.array([24, 20, 22, 0])).values()) == ["L1", "L3", "L5"]
    assert list(levels_from(["TotalSegmentator"], np.array([27, 31, 26])).values()) == ["L1", "L5"]


def test_labels_are_named_in_the_given_order():
    assert levels_from(["7=L4", "3=L5"], np.zeros(1)) == {7: "L4", 3: "L5"}


@pytest.mark.parametrize("words", [["L1"], ["x=L1"], ["0=L1"], ["1="], ["1=L1", "1=L2"], ["1=L1", "2=L1"], []])
def test_names_that_cannot_be_understood_are_refused(words):
    with pytest.raises(SettingsError):
        levels_from(words, np.ones(3))


def test_a_scheme_without_labels_in_the_mask_is_refused():
    with pytest.raises(SettingsError, match="no vertebra of the scheme"):
        levels_from(["verse"], np.array([99]))
