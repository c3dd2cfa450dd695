"""A simulation as a folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from ..files import write_folder
from ..formats import save_case
from .simulator import Simulation


def write_simulation(simulation: Simulation, folder: str | os.PathLike[str]) -> Path:
    """Write case.json, test.json, images/, truth.nrrd, simulation.json and CREDIT.txt (if any); returns the folder.

    folder: new or empty; it is moved into place once everything is written, so that it is either complete or absent.
    Raises IXGSError for a folder that is not empty or cannot be written.
    """
    return write_folder(folder, lambda whole: _write(simulation, whole))


def _write(simulation: Simulation, folder: Path) -> None:
    save_case(simulation.training, folder)
    save_case(simulation.test, folder, "test.json")
    simulation.truth.save(folder / "truth.nrrd")
    settings = json.dumps(asdict(simulation.settings), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "simulation.json").write_text(settings + "\n", encoding="utf-8")
    if simulation.settings.credit:
        (folder / "CREDIT.txt").write_text(simulation.settings.credit.rstrip() + "\n", encoding="utf-8")
