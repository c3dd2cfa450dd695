"""The record of a standardisation in a case: how it was made, and the original X-rays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import FormatError

if TYPE_CHECKING:
    from ..xray import XRay

DEFAULT_LIMITS = {"min_distribution_score": 1.0, "change_limit": 0.25}
"""Limits that apply if a record states none: the in-distribution score below which a view is reported, and the
difference from the X-ray, in line integrals, above which bone counts as added or removed."""
EARLIER_NAMES = {"min_distribution_score": "likeness_limit", "distribution_score": "likeness"}
"""The names of these entries in earlier records."""


@dataclass(frozen=True, eq=False)
class Standardization:
    """The record of a standardisation and the original X-rays.

    record: a JSON object: "synthetic", whether the images of the case are no longer measurements; "method", how they
    were made; "views", the findings of each view by its id.
    raw: the line integrals before standardisation by view id; empty where they were not kept.
    """

    record: dict[str, Any]
    raw: Mapping[str, XRay] = field(default_factory=dict)

    @property
    def synthetic(self) -> bool:
        return bool(self.record["synthetic"])

    @property
    def method(self) -> str:
        return str(self.record["method"])

    def names(self, id: str) -> bool:
        """Whether a view was standardised."""
        return id in self.raw or id in self.record.get("views", {})

    def view(self, id: str) -> dict[str, Any]:
        """The findings of a view; empty for a view that is not in the record."""
        found = self.record.get("views", {}).get(id, {})
        return found if isinstance(found, dict) else {}

    def limit(self, name: str) -> float:
        """The limit of that name in the record, or the one in DEFAULT_LIMITS."""
        settings = self.record.get("settings")
        value = _number(settings, name) if isinstance(settings, dict) else None
        return DEFAULT_LIMITS[name] if value is None else value

    def distribution_score(self, id: str) -> float | None:
        """The in-distribution score of a view; None where the method has none."""
        return _number(self.view(id), "distribution_score")

    def out_of_distribution(self, id: str) -> bool:
        """Whether a view is unlike those that the network was trained on."""
        score = self.distribution_score(id)
        return score is not None and score < self.limit("min_distribution_score")


def _number(values: dict[str, Any], name: str) -> float | None:
    """The number with a name or with its earlier name, or None."""
    value = values.get(name, values.get(EARLIER_NAMES.get(name, name)))
    return float(value) if isinstance(value, (int, float)) else None


def checked_record(record: Any, name: str) -> dict[str, Any]:
    """The record in a case.json; raises FormatError, which begins with `name`, for an invalid one."""
    if not isinstance(record, dict) or not isinstance(record.get("synthetic"), bool):
        raise FormatError(
            f'{name}: "standardization" has no "synthetic", expected true or false; add it, or remove "standardization"'
        )
    if not isinstance(record.get("method"), str) or not isinstance(record.get("views", {}), dict):
        raise FormatError(f'{name}: "standardization" lacks "method", or its "views" is not an object; correct it')
    return record
