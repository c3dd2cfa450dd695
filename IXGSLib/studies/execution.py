"""A study, from its plan to the results in its folder."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..runs.events import Reporter
from ..version import __version__
from .backends import Backend, LocalProcesses
from .folder import Record, Records, StudyFolder
from .hard_cases import repairs
from .identity import subject_sha256, tasks
from .plan import Plan
from .results import write_results
from .task import Task


@dataclass(frozen=True)
class Summary:
    """What a study has computed: the number of its runs, of those that failed, and the files of its results."""

    runs: int
    failed: int
    files: tuple[Path, ...]


def run_study(
    plan: Plan,
    folder: Path,
    reporter: Reporter,
    backend: Backend | None = None,
    *,
    retry_failed: bool = False,
    results_only: bool = False,
) -> Summary:
    """Compute all runs of a plan that have no record yet, then write the results; returns what there is.

    retry_failed: compute failed runs again. results_only: compute nothing, write the results of what is finished.
    Finished runs are never computed again, whatever ended the study before.
    Raises SettingsError for a plan that cannot be carried out, IXGSError for a folder that cannot be used.
    """
    planned = tasks(plan.runs(), folder.absolute())
    with StudyFolder(folder, description(plan)) as study:
        if retry_failed:
            _forget_failed(study.records, planned)
        if not results_only:
            _compute(planned, study, reporter, backend or LocalProcesses())
        records = _finished(planned, study, reporter)
        repairing = tasks(repairs(plan, records), folder.absolute())
        if repairing and not results_only:
            _compute(repairing, study, reporter, backend or LocalProcesses())
        repaired = _finished(repairing, study, reporter)
        files = write_results(plan, records, repaired, study.path, reporter)
    failed = sum(record["status"] != "done" for record in records)
    reporter.report("done", runs=len(records), failed=failed, files=[file.name for file in files])
    return Summary(len(records), failed, files)


def description(plan: Plan) -> dict[str, Any]:
    """A plan as study.json states it: subjects by their names and hashes, without paths, which may name people."""
    values = asdict(plan)
    values["subjects"] = [
        {"name": each.name, "patient": each.patient, "sha256": subject_sha256(each)} for each in plan.subjects
    ]
    return {"name": plan.name, "ixgs": __version__, "plan": values}


def _compute(planned: list[Task], study: StudyFolder, reporter: Reporter, backend: Backend) -> None:
    finished = study.records.ids()
    todo = [task for task in planned if task.id not in finished]
    done, total, began = len(planned) - len(todo), len(planned), time.monotonic()
    reporter.report("study", name=study.study["name"], runs=total, finished=done)
    subjects = {task.id: task.subject["name"] for task in todo}
    for number, outcome in enumerate(backend.outcomes(todo), 1):
        remaining = (time.monotonic() - began) / number * (len(todo) - number)
        if outcome.status != "stopped":
            done += 1
        event = {"id": outcome.id, "subject": subjects[outcome.id], "status": outcome.status, "reason": outcome.reason}
        reporter.report("run", **event, seconds=outcome.seconds)
        reporter.report("progress", stage="runs", step=done, steps=total, remaining=remaining)


def _finished(planned: list[Task], study: StudyFolder, reporter: Reporter) -> list[Record]:
    """The records of the tasks that are finished; a warning says how many are not."""
    finished = study.records.ids()
    records = [study.records.read(task.id) for task in planned if task.id in finished]
    missing = len(planned) - len(records)
    if missing:
        reporter.warn(f"{missing} of {len(planned)} runs are not finished; the same command continues with them")
    return records


def _forget_failed(records: Records, planned: list[Task]) -> None:
    """Delete the records of failed runs."""
    finished = records.ids()
    for task in planned:
        if task.id in finished and _failed(records.read(task.id)):
            records.path(task.id).unlink()


def _failed(record: Record) -> bool:
    return bool(record["status"] != "done")
