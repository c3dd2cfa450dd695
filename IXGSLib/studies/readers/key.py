"""The key of a reader study: which run is behind each number. It is kept apart from the sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import FormatError
from ...files import write_atomically
from ...formats.strict_json import read_json

FORMAT, VERSION = "ixgs-reader-key", 1


@dataclass(frozen=True)
class Run:
    """A run of a reader study.

    name: that of its folder. specimen: the patient or specimen that it shows. metrics: by name, None where not defined.
    """

    name: str
    specimen: str
    metrics: Mapping[str, float | None]


@dataclass(frozen=True)
class Key:
    """What the numbers of the sets stand for.

    runs: by name. sets: by the name of a set, the name of the run behind each number, in the order of the set.
    seed: of the order.
    """

    runs: Mapping[str, Run]
    sets: Mapping[str, Mapping[str, str]]
    seed: int

    def save(self, path: Path) -> None:
        """Write the key as JSON, atomically."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "seed": self.seed,
            "runs": {run.name: {"specimen": run.specimen, "metrics": dict(run.metrics)} for run in self.runs.values()},
            "sets": {name: dict(numbers) for name, numbers in self.sets.items()},
        }
        write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> Key:
        """Read a key; raises FormatError for another file."""
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise FormatError(f"{path}: not the key of a reader study; give the file that `readers make` wrote")
        if content.get("version") != VERSION:
            raise FormatError(f"{path}: version {content.get('version')}, expected {VERSION}; update IXGS")
        try:
            return _checked(content)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise FormatError(f"{path}: incomplete ({error}), expected what `readers make` wrote") from error


def _checked(content: dict[str, Any]) -> Key:
    runs = {
        name: Run(name, str(run["specimen"]), {key: _number(value) for key, value in run["metrics"].items()})
        for name, run in content["runs"].items()
    }
    sets = {name: dict(numbers) for name, numbers in content["sets"].items()}
    unknown = {run for numbers in sets.values() for run in numbers.values()} - set(runs)
    if unknown:
        raise ValueError(f"no run {', '.join(sorted(unknown))}")
    return Key(runs, sets, int(content["seed"]))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
