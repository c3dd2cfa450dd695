"""Ratings of the panel are joined with the key; what is missing, double or wrong is named."""

from __future__ import annotations

import shutil

import pytest

from IXGSLib.errors import FormatError, IXGSError
from IXGSLib.studies.readers.ratings import read_ratings
from IXGSLib.studies.readers.sets import SetSettings, make_sets
from Testing.studies.readers.conftest import rate


@pytest.fixture
def key(runs, tmp_path):
    return make_sets(runs[:3], tmp_path / "sets", tmp_path / "key.json", SetSettings(readers=1, repeats=0.4, seed=1))


@pytest.fixture
def numbers(key, tmp_path):
    return sorted((tmp_path / "sets" / "set-1").iterdir())


def test_ratings_are_those_of_the_runs_behind_the_numbers(key, numbers, tmp_path):
    for value, number in enumerate(numbers, start=1):
        rate(number, "AB", {"overall": value, "body": 3, "pedicles": 2, "navigation": 1})
    found = read_ratings([tmp_path / "sets"], key)
    assert found.readers == ("AB",)
    assert found.notes == ()
    assert {rating.number: rating.run for rating in found.ratings} == key.sets["set-1"]
    assert [rating.answers["overall"] for rating in found.ratings] == [1, 2, 3, 4]
    twice = [rating.run for rating in found.ratings if rating.showing == 2]
    assert len(twice) == 1
    assert found.simulated is None


def test_missing_ratings_and_answers_are_named(key, numbers, tmp_path):
    rate(numbers[0], "AB", {"overall": 4})
    notes = read_ratings([tmp_path / "sets"], key).notes
    assert "AB did not rate 3 of 4 of set-1: 002, 003, 004" in notes
    assert "AB did not answer 'pedicles' for 001 of set-1" in notes


def test_of_several_ratings_the_latest_counts(key, numbers, tmp_path):
    rate(numbers[0], "AB", {"overall": 4}, time="2025-01-01T11:00:00+00:00", name="rating-AB-2.json")
    rate(numbers[0], "AB", {"overall": 1}, time="2025-01-01T10:00:00+00:00")
    found = read_ratings([tmp_path / "sets"], key)
    assert [rating.answers["overall"] for rating in found.ratings] == [4]
    assert "AB rated number 001 of set-1 more than once; the latest counts" in found.notes


def test_copies_of_the_sets_are_read_together(key, numbers, tmp_path):
    shutil.copytree(tmp_path / "sets", tmp_path / "copy" / "sets")
    rate(numbers[0], "AB", {"overall": 4})
    copied = tmp_path / "copy" / "sets" / "set-1" / numbers[0].name
    shutil.copy(numbers[0] / "rating-AB.json", copied)  # the same rating in both places is no second one
    rate(copied, "CD", {"overall": 2})
    found = read_ratings([tmp_path / "sets", tmp_path / "copy" / "sets"], key)
    assert found.readers == ("AB", "CD")
    assert not any("more than once" in note for note in found.notes)


def test_a_number_that_the_key_does_not_know_is_refused(key, numbers, tmp_path):
    other = tmp_path / "sets" / "set-1" / "099"
    other.mkdir()
    rate(other, "AB", {"overall": 4})
    with pytest.raises(IXGSError, match="'set-1/099' is not in the key"):
        read_ratings([tmp_path / "sets"], key)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not a rating of the panel"),
        ({"version": 7}, "version 7"),
        ({"reader": ""}, 'no "reader"'),
        ({"answers": {"overall": 6}}, "'overall' is 6, expected 1 to 5"),
        ({"answers": {"overall": 2.5}}, "'overall' is 2.5"),
        ({"answers": {"overall": True}}, "'overall' is True"),
        ({"answers": {"colour": 2}}, '"answers" are'),
        ({"answers": None}, '"answers" are None'),
    ],
)
def test_files_that_are_no_rating_are_refused(key, numbers, tmp_path, changes, message):
    rate(numbers[0], "AB", {"overall": 4}, changes=changes)
    with pytest.raises(FormatError, match=message):
        read_ratings([tmp_path / "sets"], key)


def test_sets_without_a_rating_are_refused(key, tmp_path):
    with pytest.raises(IXGSError, match="no ratings in them"):
        read_ratings([tmp_path / "sets"], key)
    with pytest.raises(IXGSError, match="no such folder"):
        read_ratings([tmp_path / "other"], key)


def test_simulated_ratings_are_not_mixed_with_others(key, numbers, tmp_path):
    rate(numbers[0], "AB", {"overall": 4})
    rate(numbers[1], "SIMULATED-1", {"overall": 4}, changes={"simulated": {"seed": 0}})
    with pytest.raises(IXGSError, match="simulated ratings among others"):
        read_ratings([tmp_path / "sets"], key)
