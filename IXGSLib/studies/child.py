"""One run of a study as a process: python -m IXGSLib.studies.child TASK, where TASK is its JSON.

It stops when its standard input ends, so that it does not outlive its worker.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ..errors import Cancelled, IXGSError, Notice, alarms_and_notices, group_views
from ..messages import collect_warnings, one_line, out_of_memory, unique
from ..runs.events import JsonLines, Reporter
from ..runs.stopping import stop_at_end_of_input, stoppable
from .claim import claimed
from .folder import RUNS, Records
from .task import Task
from .work import record_of

CANCELLED = 130


def main(text: str) -> int:
    """Compute the run of a task unless it has a record; returns the exit code."""
    task = Task.from_json(text)
    study = Path(task.folder)
    try:
        with stoppable(), Reporter(JsonLines()) as reporter:
            stop_at_end_of_input()
            with claimed(study, task.id):
                if not Records(study).path(task.id).is_file():
                    _record(task, study, reporter)
    except (Cancelled, KeyboardInterrupt):
        return CANCELLED
    return 0


def _record(task: Task, study: Path, reporter: Reporter) -> None:
    """Compute a run and write its record; an error becomes the reason why it failed."""
    from .computing import compute

    began = time.perf_counter()
    with collect_warnings() as messages:
        try:
            result = compute(task, study / RUNS / task.id, reporter)
        except (Cancelled, KeyboardInterrupt):
            raise
        except IXGSError as error:
            result = {"status": "failed", "reason": one_line(error)}
        except MemoryError as error:
            result = {"status": "failed", "reason": out_of_memory(error)}
        except Exception as error:  # a defect must not end the study: it becomes a row, whose reason says so
            result = {"status": "failed", "reason": f"internal error ({type(error).__name__}: {one_line(error)})"}
    result["reason"] = without_paths(result.get("reason", ""), task)
    told = group_views(unique(messages, reporter.warnings, map(Notice, reporter.notices)))
    alarms, notices = ([without_paths(each, task) for each in kind] for kind in alarms_and_notices(told))
    result.update(warnings=alarms, notices=notices)
    Records(study).write(record_of(task, seconds=time.perf_counter() - began, **result))


def without_paths(text: str, task: Task) -> str:
    """A message without the paths and the file names of its subject, which may name people."""
    for kind in ("ct", "case", "truth", "test", "labels"):
        given = task.subject[kind]
        if given is not None:
            for name in (given, Path(given).name):
                text = text.replace(name, f"{kind} of '{task.subject['name']}'")
    return text.replace(f"{task.folder}/", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
