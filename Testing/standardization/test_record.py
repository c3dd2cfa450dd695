"""The record of a standardisation: scores and limits, under today's and earlier names."""

import pytest

from IXGSLib.formats.standardization import Standardization
from IXGSLib.standardization import StandardizationSettings


def record(views=None, **settings):
    return Standardization({"synthetic": True, "method": "pix2pix", "settings": settings, "views": views or {}})


@pytest.mark.parametrize("name", ["distribution_score", "likeness"])
def test_the_score_of_a_view_is_read_under_either_name(name):
    made = record({"a": {name: 0.4}, "b": {name: 1.3}, "c": {}, "d": {name: "high"}})
    assert [made.distribution_score(id) for id in "abcde"] == [0.4, 1.3, None, None, None]
    assert [made.out_of_distribution(id) for id in "abcde"] == [True, False, False, False, False]


@pytest.mark.parametrize("name", ["min_distribution_score", "likeness_limit"])
def test_a_stated_limit_takes_the_place_of_the_default(name):
    made = record({"a": {"distribution_score": 1.3}}, **{name: 1.5})
    assert made.limit("min_distribution_score") == 1.5
    assert made.out_of_distribution("a")
    assert record(**{name: "low"}).limit("min_distribution_score") == 1.0


def test_the_defaults_are_those_of_the_settings():
    settings = StandardizationSettings()
    for name in ("min_distribution_score", "change_limit"):
        assert record().limit(name) == getattr(settings, name)
        assert record(**settings.as_dict()).limit(name) == getattr(settings, name)
