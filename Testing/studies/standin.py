"""A stand-in for a run, of known duration, that workers of a cluster can import.

It writes a line into log.txt in the folder of the study when it begins and when it ends, and the record of the run.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from IXGSLib.studies.claim import claimed
from IXGSLib.studies.folder import Records
from IXGSLib.studies.task import Task
from IXGSLib.studies.work import Outcome, check_worker, fail, never, outcome, record_of


class Heard:
    """A display that keeps the events."""

    def __init__(self):
        self.events = []

    def show(self, event):
        self.events.append(event)

    def close(self): ...


def work(task: Task, stopped=never) -> Outcome:
    """Sleep for as many seconds as the tilt of the condition has degrees, then record the run.

    A condition of 7 views fails.
    """
    check_worker(task)
    study = Path(task.folder)
    records = Records(study)
    with claimed(study, task.id):
        if records.path(task.id).is_file():
            return outcome(records.read(task.id))
        note(study, "begin", task.id)
        end = time.monotonic() + task.condition["tilt"]
        while time.monotonic() < end:
            if stopped():
                return Outcome(task.id, "stopped")
            time.sleep(0.002)
        if task.condition["views"] != 7:
            views = task.condition["views"] or 25
            metrics = {"bone_dice": 1 - 1 / views, "bone_surface_distance": 10 / views}
            records.write(record_of(task, status="done", metrics=metrics, seconds=task.condition["tilt"]))
            note(study, "end", task.id)
            return outcome(records.read(task.id))
    return fail(task, "seven views never work")


def note(study: Path, what: str, id: str) -> None:
    with (study / "log.txt").open("a") as log:
        log.write(f"{what} {id} {os.getpid()}\n")


def notes(study: Path) -> list[tuple[str, str, int]]:
    """(begin or end, id, process) in order."""
    path = study / "log.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [(what, id, int(pid)) for what, id, pid in (line.split() for line in lines)]
