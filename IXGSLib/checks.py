"""Checks of settings, with one wording for all of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import Any

from .errors import SettingsError

Limits = tuple[float, float] | tuple[float, float, str]
"""The smallest and the largest value of a setting, and its unit if it has one."""

_MAX_SHOWN = 60
"""Letters of a wrong value that a message shows."""


def check_range(name: str, value: Any, low: float, high: float = math.inf, unit: str = "") -> None:
    """Raise SettingsError unless `value` is a finite number from `low` to `high`, both included."""
    if not _is_number(value, Real) or not _is_finite(value) or not low <= value <= high:
        _refuse(name, value, f"a number {_limits(low, high)}", unit)


def check_whole(name: str, value: Any, low: float, high: float = math.inf, unit: str = "") -> None:
    """Raise SettingsError unless `value` is a whole number from `low` to `high`, both included."""
    if not _is_number(value, Integral) or not low <= value <= high:
        _refuse(name, value, f"a whole number {_limits(low, high)}", unit)


_MAX_SHOWN = 60
"""Letters of a wrong value that a message shows."""


def check_ranges(settings: object, limits: Mapping[str, Limits]) -> None:
    """Check the named fields of a dataclass; a field whose default is an int must be a whole number."""
    for name, each in limits.items():
        check = check_whole if isinstance(getattr(type(settings), name, None), int) else check_range
        check(name, getattr(settings, name), *each)


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Raise SettingsError unless `value` is one of the choices."""
    if value not in choices:
        raise SettingsError(f"{name} is {value!r}, expected one of {', '.join(choices)}")


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    """Whether a number is finite as a float, which a whole number of hundreds of digits is not."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _limits(low: float, high: float) -> str:
    return f"of at least {low:.12g}" if high == math.inf else f"from {low:.12g} to {high:.12g}"


def _refuse(name: str, value: Any, expected: str, unit: str) -> None:
    suffix = f" {unit}" if unit else ""
    shown = f"{value}{suffix}" if _is_number(value, Real) else repr(value)
    if len(shown) > _MAX_SHOWN:
        shown = f"{shown[:_MAX_SHOWN]}..."
    raise SettingsError(f"{name} is {shown}, expected {expected}{suffix}")
