"""Where runs are saved: a choice of the user for all scenes, kept in Slicer's settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import slicer

KEY = "IXGS/OutputFolder"
"""The name of the folder in Slicer's settings."""


def output_folder() -> Path:
    """The folder in which runs are saved: the one that the user has chosen, or IXGS among the documents."""
    chosen = user_settings().value(KEY) if hasattr(slicer, "app") else None
    return Path(chosen).expanduser() if chosen else _documents() / "IXGS"


def set_output_folder(path: str) -> None:
    """Keep the folder that the user has chosen; an empty path restores the default."""
    if path:
        user_settings().setValue(KEY, path)
    else:
        user_settings().remove(KEY)


def user_settings() -> Any:
    """The QSettings of the user, for all scenes."""
    return slicer.app.userSettings()


def _documents() -> Path:
    try:
        import qt
    except ImportError:  # a plain Python with slicer-core
        return Path.home()
    return Path(qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation))


def run_folder(volume: Any) -> Path | None:
    """The folder of the finished run that made a volume node, if it is on this computer."""
    from IXGSLib.scene.runs import RUN_FOLDER

    folder = None if volume is None else volume.GetAttribute(RUN_FOLDER)
    return Path(folder) if folder and (Path(folder) / "done.json").is_file() else None


def new_run_folder(name: str, preset: str) -> Path:
    """A folder for a run that does not exist yet, named after its case and preset."""
    safe = re.sub(r'[<>:"/\\|?*]+', "-", f"{name}-{preset}")  # characters that Windows forbids
    return unused(output_folder() / safe)


def unused(path: Path) -> Path:
    """The path or, if it exists, the first of path-2, path-3, ... that does not."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return candidate
