"""What identifies a run of a study: a hash of everything that determines its result."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..files import file_sha256, sha256
from ..resources import shipped_bone_weights, shipped_weights
from ..version import __version__
from .condition import Standardization
from .plan import StudyRun, Subject
from .task import Task

ID_LENGTH = 16
"""Hexadecimal digits of an id: two of a million runs share one with a probability of 3e-8."""


def tasks(runs: Iterable[StudyRun], folder: Path) -> list[Task]:
    """The runs as tasks for workers, each id once; raises SettingsError where two subjects are the same data."""
    hashes: dict[str, str] = {}
    subjects: dict[str, str] = {}
    found: dict[str, Task] = {}
    for run in runs:
        subject = run.subject
        if subject.name not in hashes:
            hashes[subject.name] = subject_sha256(subject)
            other = subjects.setdefault(hashes[subject.name], subject.name)
            if other != subject.name:
                raise SettingsError(
                    f"subjects '{other}' and '{subject.name}' hold the same data; leave one of them out"
                )
        task = _task(run, hashes[subject.name], folder)
        found.setdefault(task.id, task)
    return list(found.values())


def subject_sha256(subject: Subject) -> str:
    """The SHA-256 of a subject's files and of where its region lies."""
    paths = {"ct": subject.ct, "case": _folder(subject.case), "truth": subject.truth, "test": subject.test}
    paths["labels"] = subject.labels
    files = {name: content_sha256(path) for name, path in paths.items() if path is not None}
    named = {} if subject.labels is None else {"levels": subject.levels}
    return sha256(_canonical({"files": files, "center": subject.center, **named}))


@cache
def content_sha256(path: Path) -> str:
    """The SHA-256 of a file, or of all files of a folder with their relative paths."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return sha256(_canonical([(file.relative_to(path).as_posix(), file_sha256(file)) for file in files]))


def _task(run: StudyRun, inputs: str, folder: Path) -> Task:
    condition, c_arm = run.condition.as_dict(), run.c_arm.as_dict()
    weights = _weights_sha256(run.condition.standardization)
    what = {"ixgs": __version__, "inputs": inputs, "condition": condition, "c_arm": c_arm, "weights": weights}
    return Task(
        id=sha256(_canonical(what))[:ID_LENGTH],
        folder=str(folder),
        subject={name: str(value) if isinstance(value, Path) else value for name, value in vars(run.subject).items()},
        condition=condition,
        c_arm=c_arm,
        inputs=inputs,
        weights=weights,
        ixgs=__version__,
    )


@cache
def _weights_sha256(standardization: Standardization) -> str:
    """The hashes of the weights that a standardisation uses, with a hyphen in between; empty for one without."""
    files = {"network": (shipped_weights(),), "prior": (shipped_weights(), shipped_bone_weights())}
    found = []
    for file in files.get(standardization, ()):
        if file is None:
            raise SettingsError(
                f"standardization '{standardization}' without weights: none come with this IXGS; use classical or raw"
            )
        found.append(file_sha256(file))
    return "-".join(found)


def _folder(case: Path | None) -> Path | None:
    """The folder of a case that was given by its JSON file."""
    return case.parent if case is not None and case.is_file() else case


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
