"""A reconstruction from a script: the same child process as the panel's, waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from IXGSLib.errors import Cancelled, ReconstructionError
from IXGSLib.runs.job import Event, Job
from IXGSLib.steps import finished

LOOK_SECONDS = 0.05


def reconstruct(
    case: str | Path, out: str | Path, preset: str = "standard", on_event: Callable[[Event], None] | None = None
) -> Any:
    """The volume node of a case: its run is written to a new folder and loaded into the scene.

    on_event: called with what the run tells, as `ixgs reconstruct --json` prints it. Slicer stays responsive.
    Raises ReconstructionError with the run's own words when it fails.
    """
    from IXGSLib.scene.runs import place_run, run_steps
    from IXGSLib.scene.session import open_scene

    words = ["-m", "IXGSLib", "reconstruct", str(case), "--out", str(out), "--preset", preset]
    job = Job([*words, "--json", "--stop-on-eof"], on_event or (lambda event: None), lambda line: None)
    try:
        while (ending := job.poll()) is None:
            look_around()
            time.sleep(LOOK_SECONDS)
    finally:
        job.close()
    if ending.cancelled:
        raise Cancelled("the reconstruction was cancelled")
    if not ending.done:
        raise ReconstructionError(ending.error)
    return place_run(open_scene(), out, finished(run_steps(out), look_around))


def look_around() -> None:
    """Let Slicer do what has come up, where this is Slicer."""
    if hasattr(slicer, "app"):
        slicer.app.processEvents()
