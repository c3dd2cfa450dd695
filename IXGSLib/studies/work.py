"""What a worker does with a task: it runs it in a child process, so that memory and crashes stay in there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import IXGSError
from ..runs.job import Job
from ..version import __version__
from .claim import claimed
from .folder import STUDY, Record, Records
from .task import Task

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Outcome:
    """How a task ended: done, failed for a reason, or stopped before it was finished."""

    id: str
    status: str
    reason: str = ""
    seconds: float = 0.0


Work = Callable[[Task, Callable[[], bool]], Outcome]
"""Carries out a task, as `perform` does; the function says whether the user asked to stop."""


def never() -> bool:
    return False


def perform(task: Task, stopped: Callable[[], bool] = never) -> Outcome:
    """Compute a run that has no record yet, and leave its record in the folder of the study.

    Raises IXGSError where this machine cannot do it: for another version of IXGS, or without the folder.
    """
    check_worker(task)
    records = Records(Path(task.folder))
    if records.path(task.id).is_file():
        return outcome(records.read(task.id))
    last: list[str] = []
    job = Job(["-m", "IXGSLib.studies.child", task.as_json()], lambda event: None, lambda line: last.append(line))
    try:
        while (ending := job.poll()) is None:
            time.sleep(POLL_SECONDS)
            if stopped():
                job.cancel()
    finally:
        job.close()
    if records.path(task.id).is_file():
        return outcome(records.read(task.id))
    if ending.cancelled:
        return Outcome(task.id, "stopped")
    return fail(task, ending.error)


def check_worker(task: Task) -> None:
    """Raises IXGSError where a worker cannot compute a task."""
    if task.ixgs != __version__:
        raise IXGSError(
            f"the worker on {socket.gethostname()} has IXGS {__version__}, the study needs {task.ixgs}; install the "
            "same version on all workers"
        )
    if not (Path(task.folder) / STUDY).is_file():
        raise IXGSError(
            f"the worker on {socket.gethostname()} does not see {task.folder}; put the study into a folder that all "
            "workers share"
        )


def fail(task: Task, reason: str) -> Outcome:
    """Record that a run failed, unless another process has finished it meanwhile."""
    records = Records(Path(task.folder))
    with claimed(Path(task.folder), task.id):
        if not records.path(task.id).is_file():
            records.write(record_of(task, status="failed", reason=reason))
    return outcome(records.read(task.id))


def record_of(task: Task, **result: object) -> Record:
    """The record of a task with its result."""
    return {
        "id": task.id,
        "subject": task.subject["name"],
        "patient": task.subject["patient"] or task.subject["name"],
        "inputs": task.inputs,
        "condition": task.condition,
        "c_arm": task.c_arm,
        "weights": task.weights,
        "ixgs": task.ixgs,
        "reason": "",
        "metrics": {},
        "durations": {},
        "trust": None,
        "warnings": [],
        "notices": [],
        "seconds": None,
        **result,
    }


def outcome(record: Record) -> Outcome:
    return Outcome(record["id"], record["status"], record["reason"], record["seconds"] or 0.0)
