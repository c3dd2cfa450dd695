"""A simulation as a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import IXGSError
from ..formats import save_case
from .simulator import Simulation


def write_simulation(simulation: Simulation, folder: str | os.PathLike[str]) -> Path:
    """Write case.json, test.json, images/, truth.nrrd, simulation.json and CREDIT.txt (if any); returns the folder.

    folder: new or empty; it is moved into place once everything is written, so that it is whole or not there.
    Raises IXGSError for a folder with something in it and for one that cannot be written.
    """
    return write_whole(folder, lambda whole: _write(simulation, whole))


def write_whole(folder: str | os.PathLike[str], write: Callable[[Path], None]) -> Path:
    """Let `write` fill a folder that is moved into place when it returns; folder, errors: as in `write_simulation`."""
    folder = Path(folder).absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise IXGSError(f"{folder}: is there already, expected a new or an empty folder; choose another or empty it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", suffix=".tmp") as temporary:
            # A folder in the temporary one, which only its owner may enter.
            whole = Path(temporary) / "simulation"
            whole.mkdir()
            write(whole)
            if folder.exists():
                folder.rmdir()
            whole.rename(folder)
    except OSError as error:
        raise IXGSError(
            f"{folder}: cannot be written ({error.strerror}); choose a folder with write permission and free space"
        ) from error
    return folder


def _write(simulation: Simulation, folder: Path) -> None:
    save_case(simulation.training, folder)
    save_case(simulation.test, folder, "test.json")
    simulation.truth.save(folder / "truth.nrrd")
    settings = json.dumps(asdict(simulation.settings), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "simulation.json").write_text(settings + "\n", encoding="utf-8")
    if simulation.settings.credit:
        (folder / "CREDIT.txt").write_text(simulation.settings.credit.rstrip() + "\n", encoding="utf-8")
