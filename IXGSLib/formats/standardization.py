"""What a case says of X-rays that were standardised: how, and what they were before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import FormatError
from ..xray import XRay


@dataclass(frozen=True, eq=False)
class Standardization:
    """The record of a standardisation, and the X-rays before it.

    record: a JSON object; "synthetic" says whether the images of the case are no longer measurements, "method" what
    made them, "views" what was found in each view by its id.
    raw: the line integrals before, by view id; empty where they were not kept.
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
        """Whether a view is one of those that were standardised."""
        return id in self.raw or id in self.record.get("views", {})

    def view(self, id: str) -> dict[str, Any]:
        """What was found in a view; nothing for one that the record does not name."""
        found = self.record.get("views", {}).get(id, {})
        return found if isinstance(found, dict) else {}


def checked_record(record: Any, name: str) -> dict[str, Any]:
    """The record of a case.json; raises FormatError that begins with `name` for what cannot be one."""
    if not isinstance(record, dict) or not isinstance(record.get("synthetic"), bool):
        raise FormatError(
            f'{name}: "standardization" has no "synthetic", expected true or false; state it, or leave all of it out'
        )
    if not isinstance(record.get("method"), str) or not isinstance(record.get("views", {}), dict):
        raise FormatError(f'{name}: "standardization" has no "method" or "views" that is no object; correct it')
    return record
