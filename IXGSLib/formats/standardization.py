"""The record of standardised X-rays in a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import FormatError
from ..xray import XRay


@dataclass(frozen=True, eq=False)
class Standardization:
    """The record of a standardisation and the X-rays before it.

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


def checked_record(record: Any, name: str) -> dict[str, Any]:
    """The record in a case.json; raises FormatError, which begins with `name`, for an invalid one."""
    if not isinstance(record, dict) or not isinstance(record.get("synthetic"), bool):
        raise FormatError(
            f'{name}: "standardization" has no "synthetic", expected true or false; add it, or remove "standardization"'
        )
    if not isinstance(record.get("method"), str) or not isinstance(record.get("views", {}), dict):
        raise FormatError(f'{name}: "standardization" lacks "method", or its "views" is not an object; correct it')
    return record
