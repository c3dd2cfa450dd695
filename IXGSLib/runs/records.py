"""The records of a run in its folder: run.json states what was requested, done.json the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FormatError, IXGSError
from ..files import file_sha256
from ..formats.strict_json import read_json

if TYPE_CHECKING:
    from ..geometry import View

VERSION = 1
RUN, DONE, POSES = "run.json", "done.json", "poses.json"


def read_record(path: Path) -> dict[str, Any]:
    """The content of a run.json or done.json; raises FormatError for another file and for a newer version."""
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") not in ("ixgs-run", "ixgs-done"):
        raise FormatError(f"{path}: not written by IXGS, expected the record of a run; choose another folder")
    if content.get("version") != VERSION:
        raise FormatError(f"{path}: version {content.get('version')}, expected {VERSION}; update IXGS")
    return content


def read_done(folder: Path) -> dict[str, Any]:
    """The content of a run's done.json; raises IXGSError for a run that has not finished."""
    if not (folder / DONE).is_file():
        raise IXGSError(f"{folder}: no {DONE} in it, expected a finished run; let `ixgs reconstruct` finish first")
    return read_record(folder / DONE)


def output_sha256(done: dict[str, Any], name: str) -> str | None:
    """The SHA-256 that a done.json states for an output, None where it states none."""
    outputs = done.get("outputs")
    return outputs.get(name) if isinstance(outputs, dict) else None


def final_views(folder: Path) -> dict[str, View]:
    """The views of a finished run at their final poses, by id; none if the run used the poses as given.

    Raises FormatError when the file is not what the run wrote.
    """
    from ..formats.geometry_json import view_from_json

    done = read_done(folder)
    if output_sha256(done, POSES) is None:
        return {}
    views = map(view_from_json, read_json(checked_output(folder / POSES, done))["views"])
    return {view.id: view for view in views}


def refined_views(record: dict[str, Any]) -> set[str]:
    """The ids of the views whose poses a run refined, from its run.json; none where the given poses stayed."""
    found = record.get("refinement")
    views = found.get("views", ()) if isinstance(found, dict) else ()
    return {view["id"] for view in views if isinstance(view, dict) and view.get("state") == "refined"}


def checked_output(path: Path, done: dict[str, Any]) -> Path:
    """The path of an output; raises FormatError when the file is not what the run wrote."""
    if not path.is_file() or file_sha256(path) != output_sha256(done, path.name):
        raise FormatError(f"{path}: missing or changed since the run ended, expected the file it wrote; run it again")
    return path
