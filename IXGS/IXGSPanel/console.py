"""A reconstruction from a script, in the same child process as that of the panel."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from IXGSLib.errors import Cancelled, ReconstructionError
from IXGSLib.runs.job import Event, Job
from IXGSLib.steps import result_of

POLL_SECONDS = 0.05


def reconstruct(
    case: str | Path, out: str | Path, preset: str = "standard", on_event: Callable[[Event], None] | None = None
) -> Any:
    """The volume node of a case, whose run is written to a new folder; Slicer stays responsive meanwhile.

    on_event: called with each event of the run, as `ixgs reconstruct --json` prints them.
    Raises ReconstructionError with the message of the run if it fails, Cancelled if it was stopped.
    """
    from IXGSLib.scene.runs import place_run, run_steps
    from IXGSLib.scene.session import open_scene

    words = ["-m", "IXGSLib", "reconstruct", str(case), "--out", str(out), "--preset", preset]
    job = Job([*words, "--json", "--stop-on-eof"], on_event or (lambda event: None), lambda line: None)
    try:
        while (ending := job.poll()) is None:
            process_events()
            time.sleep(POLL_SECONDS)
    finally:
        job.close()
    if ending.cancelled:
        raise Cancelled("the reconstruction was cancelled")
    if not ending.done:
        raise ReconstructionError(ending.error)
    return place_run(open_scene(), out, result_of(run_steps(out), process_events))


def process_events() -> None:
    """Let Slicer handle the events that have come up; a plain Python has none."""
    if hasattr(slicer, "app"):
        slicer.app.processEvents()
