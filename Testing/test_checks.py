"""Checks of settings: limits are included, everything else is refused in one wording."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from IXGSLib.checks import check_choice, check_range, check_ranges, check_whole
from IXGSLib.errors import SettingsError


@dataclass(frozen=True)
class Settings:
    count: int = 4
    size: float = 2.0


@pytest.mark.parametrize("value", [1, 5, 2.5, np.float32(3), np.int64(2)])
def test_numbers_within_the_limits_pass(value):
    check_range("size", value, 1, 5)


@pytest.mark.parametrize("value", [0.999, 5.001, math.nan, math.inf, -math.inf, None, "3", True, [3]])
def test_everything_else_is_refused(value):
    with pytest.raises(SettingsError, match=r"size is .*, expected a number from 1 to 5 mm"):
        check_range("size", value, 1, 5, "mm")


def test_without_an_upper_limit_infinity_is_refused_all_the_same():
    check_range("size", 1e300, 0)
    with pytest.raises(SettingsError, match=r"size is inf mm, expected a number of at least 0 mm"):
        check_range("size", math.inf, 0, unit="mm")


@pytest.mark.parametrize("value", [2.0, 2.5, True, 0, 9, None])
def test_whole_numbers_alone_are_counts(value):
    check_whole("count", np.int64(2), 1, 8)
    with pytest.raises(SettingsError, match=r"count is .*, expected a whole number from 1 to 8"):
        check_whole("count", value, 1, 8)


def test_the_default_of_a_field_says_whether_it_is_a_whole_number():
    limits = {"count": (1, 1_000_000), "size": (0.5, 4.0, "mm")}
    check_ranges(Settings(size=2), limits)
    with pytest.raises(SettingsError, match=r"count is 2\.0, expected a whole number from 1 to 1000000"):
        check_ranges(Settings(count=2.0), limits)
    with pytest.raises(SettingsError, match=r"size is 5\.0 mm, expected a number from 0\.5 to 4 mm"):
        check_ranges(Settings(size=5.0), limits)


def test_an_unknown_choice_is_answered_with_the_known_ones():
    check_choice("field", "open", ("open", "round"))
    with pytest.raises(SettingsError, match=r"field is 'oval', expected one of open, round"):
        check_choice("field", "oval", ("open", "round"))
