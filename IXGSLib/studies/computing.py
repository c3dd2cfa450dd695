"""One run of a study: its case, the reconstruction, the metrics and a picture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ..errors import IXGSError, Notice
from ..runs.events import Reporter
from ..runs.folder import LOCK
from ..runs.records import DONE, RUN, read_done
from .case_making import MadeCase, make_case
from .condition import Condition
from .metrics import metrics_of
from .picture import PICTURE, save_picture
from .task import Task

METHODS: dict[str, Any] = {
    "ideal": "none",
    "raw": "none",
    "classical": "classical",
    "network": "pix2pix",
    "prior": "pix2pix",
}
"""Methods of `ixgs reconstruct --standardize` by standardisations of a plan."""


def compute(task: Task, folder: Path, reporter: Reporter) -> dict[str, Any]:
    """Make the X-rays of a run, reconstruct them into a folder, and compare the volume with the truth.

    A run that was interrupted continues from its checkpoints. Returns status, metrics, trust and durations of the
    record.
    Raises what `execute` raises.
    """
    condition = task.settings
    made = make_case(task.who, condition, task.model, Path(task.folder))
    if not (folder / DONE).is_file():
        _reconstruct(task, condition, made, folder, reporter)
    done = read_done(folder)
    metrics = {**done["metrics"], **metrics_of(folder, made, task.who)}
    save_picture(folder, made.truth)
    for message in (*done["warnings"], *map(Notice, done.get("notices", ()))):
        reporter.warn(message)
    return {"status": "done", "metrics": metrics, "trust": done.get("trust"), "durations": done["durations"]}


def _reconstruct(task: Task, condition: Condition, made: MadeCase, folder: Path, reporter: Reporter) -> None:
    """Execute the run, from its checkpoints if there are any; the claim on the run says that no other process does."""
    from ..runs.execution import execute
    from ..runs.request import RunRequest

    (folder / LOCK).unlink(missing_ok=True)  # of a process that has ended, perhaps on another machine
    (folder / PICTURE).unlink(missing_ok=True)
    resume = (folder / RUN).is_file()
    request = RunRequest(
        case=made.case,
        out=folder,
        preset=condition.preset,
        seed=condition.seed,
        threads=task.threads,
        resume=resume,
        standardize=METHODS[condition.standardization],
        prior="learnt" if condition.standardization == "prior" else "none",
        truth=made.truth,
        test=made.test,
        refine_poses=condition.refine_poses,
        settings=_settings(condition, made, folder),
        confidence=False,  # of runs that nobody looks at one by one
    )
    try:
        execute(request, reporter)
    except IXGSError:
        if not resume or not (folder / RUN).is_file():
            raise
        shutil.rmtree(folder)  # what an interrupted run of other settings or of another version left
        _reconstruct(task, condition, made, folder, reporter)


def _settings(condition: Condition, made: MadeCase, folder: Path) -> Path | None:
    """A file with further settings of the reconstruction, if there are any."""
    if not condition.reconstruction and condition.initialization == "algebraic":
        return None
    import json

    from ..files import write_atomically

    values = {"cloud.initialization": condition.initialization, **dict(condition.reconstruction)}
    path = folder.parent / f"{folder.name}.settings.json"
    write_atomically(path, json.dumps(values).encode())
    return path
