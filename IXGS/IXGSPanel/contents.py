"""What a file or a folder of IXGS holds: a run, a registration or a case."""

from __future__ import annotations

import json
from pathlib import Path

FORMATS = {"done.json": "ixgs-done", "registration.json": "ixgs-registration", "case.json": "ixgs-case"}
"""The file that says what a folder holds, and the format that it states."""
KINDS = {"done.json": "run", "registration.json": "registration", "case.json": "case"}


def is_of_ixgs(path: Path) -> bool:
    """Whether a file is the done.json of a run, the registration.json of a registration or the case.json of a case."""
    wanted = FORMATS.get(path.name)
    if wanted is None:
        return False
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == wanted


def key_file(folder: Path) -> Path | None:
    """The file in a folder that says what it holds, None for a folder of others."""
    return next((folder / name for name in FORMATS if is_of_ixgs(folder / name)), None)


def kind_of_folder(folder: Path) -> str:
    """What a folder holds: "run", "registration", "case" or, for a folder of others, nothing."""
    file = key_file(folder)
    return "" if file is None else KINDS[file.name]


def folders_in(folder: Path, kind: str) -> list[str]:
    """The names of the folders in a folder that hold something of a kind; none where it cannot be read."""
    try:
        return sorted(each.name for each in folder.iterdir() if each.is_dir() and kind_of_folder(each) == kind)
    except OSError:
        return []
