"""A reconstruction or a registration from a script, in the same child process as that of the panel."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

from IXGSLib.errors import Cancelled, IXGSError, ReconstructionError
from IXGSLib.runs.job import Ending, Event, Job
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

    words = ["reconstruct", str(case), "--out", str(out), "--preset", preset]
    ending = _run(words, on_event)
    if ending.cancelled:
        raise Cancelled("the reconstruction was cancelled")
    if not ending.done:
        raise ReconstructionError(ending.error)
    return place_run(open_scene(), out, result_of(run_steps(out), process_events))


@dataclass(frozen=True)
class RegistrationRequest:
    """A CT node to register; vertebrae, levels: as in `IXGSLogic.register`. out: a new folder."""

    ct: Any
    case: str | Path
    out: str | Path
    vertebrae: Any = None
    levels: tuple[str, ...] = ()


def register(request: RegistrationRequest, on_event: Callable[[Event], None] | None = None) -> Any:
    """The text node of a registration, with its transforms and models in the scene; Slicer stays responsive meanwhile.

    on_event: called with each event, as `ixgs register --json` prints them.
    Raises IXGSError with the message of the registration if it fails, Cancelled if it was stopped.
    """
    from IXGSLib.scene.anatomies import copy_anatomy_steps
    from IXGSLib.scene.registrations import place_registration, registration_steps
    from IXGSLib.scene.session import open_scene

    with tempfile.TemporaryDirectory(prefix="ixgs-ct-") as folder:
        files = result_of(copy_anatomy_steps(request.ct, request.vertebrae, Path(folder)), process_events)
        words = ["register", str(files.ct), str(request.case), "--out", str(request.out), *files.arguments()]
        words += ["--vertebrae", *request.levels] if request.levels else []
        ending = _run(words, on_event)
    if ending.cancelled:
        raise Cancelled("the registration was cancelled")
    if not ending.done:
        raise IXGSError(ending.error)
    return place_registration(open_scene(), result_of(registration_steps(request.out), process_events))


def _run(words: list[str], on_event: Callable[[Event], None] | None) -> Ending:
    """How a command of `ixgs` in a child process ended."""
    job = Job(["-m", "IXGSLib", *words, "--json", "--stop-on-eof"], on_event or (lambda event: None), lambda line: None)
    try:
        while (ending := job.poll()) is None:
            process_events()
            time.sleep(POLL_SECONDS)
    finally:
        job.close()
    return ending


def process_events() -> None:
    """Let Slicer handle the events that have come up; a plain Python has none."""
    if hasattr(slicer, "app"):
        slicer.app.processEvents()
