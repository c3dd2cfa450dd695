"""A run as it is sent to a worker: plain values that every scheduler can carry."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .c_arms import CArmModel
from .condition import Condition
from .plan import Subject


@dataclass(frozen=True)
class Task:
    """One run of a study.

    id: a hash of everything that determines the result. folder: that of the study. inputs: SHA-256 of the subject.
    weights: SHA-256 of the network's weights, empty where none are used. ixgs: the version that must compute it.
    threads: CPU threads; None: all.
    """

    id: str
    folder: str
    subject: dict[str, Any]
    condition: dict[str, Any]
    c_arm: dict[str, Any]
    inputs: str
    weights: str
    ixgs: str
    threads: int | None = None

    @classmethod
    def from_json(cls, text: str) -> Task:
        return cls(**json.loads(text))

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)

    @property
    def who(self) -> Subject:
        """The subject."""
        values = dict(self.subject)
        for name in ("ct", "case", "truth", "test", "labels"):
            values[name] = None if values[name] is None else Path(values[name])
        values["levels"] = tuple((label, name) for label, name in values["levels"])
        values["center"] = None if values["center"] is None else tuple(values["center"])
        return Subject(**values)

    @property
    def settings(self) -> Condition:
        """The condition."""
        return Condition.from_dict(self.condition)

    @property
    def model(self) -> CArmModel:
        """The C-arm."""
        return CArmModel.from_dict(self.c_arm)
