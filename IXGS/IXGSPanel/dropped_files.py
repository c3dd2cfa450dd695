"""Files that are opened or dropped on Slicer: the run, the case or the registration that they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from IXGSLib.errors import FormatError
from IXGSLib.steps import result_of

from .contents import is_of_ixgs, key_file

CONFIDENCE = 0.9
"""How surely a file is one of IXGS, which outweighs Slicer's reader of JSON files."""


def confidence(path: str) -> float:
    """How surely IXGS reads a file, 0 to 1."""
    return CONFIDENCE if is_of_ixgs(Path(path)) else 0.0


def dropped_file(data: Any) -> str:
    """The file that `load` takes of what was dropped, a QMimeData: of a single folder that IXGS wrote; else nothing."""
    paths = [Path(url.toLocalFile()) for url in data.urls()] if data.hasUrls() else []
    file = key_file(paths[0]) if len(paths) == 1 and paths[0].is_dir() else None
    return "" if file is None else str(file)


def load(path: str) -> list[str]:
    """Load the run of a done.json or the registration of a registration.json, or choose the case of a case.json.

    Returns the ids of the nodes that were added. Raises FormatError for another file and what `load_run` and
    `load_registration` raise.
    """
    file = Path(path)
    if not confidence(path):
        raise FormatError(
            f"{file.name}: neither the done.json of a run, the registration.json of a registration nor the case.json "
            "of a case; choose one of these"
        )
    slicer.util.selectModule("IXGS")
    panel = slicer.util.getModuleWidget("IXGS").panel
    if file.name == "case.json":
        panel.xrays.choose(file.parent)
        return []
    load_one = _load_run if file.name == "done.json" else _load_registration
    return [load_one(panel, file.parent).GetID()]


def _load_run(panel: object, folder: Path) -> object:
    from IXGSLib.scene.runs import place_run, run_steps

    from .console import process_events

    content = result_of(run_steps(folder), process_events)
    return panel.review.loading.volume.show(place_run(slicer.mrmlScene, folder, content), folder)


def _load_registration(panel: object, folder: Path) -> object:
    from IXGSLib.scene.registrations import place_registration, registration_steps

    from .console import process_events

    content = result_of(registration_steps(folder), process_events)
    return panel.registration.loading.show(place_registration(slicer.mrmlScene, content))
