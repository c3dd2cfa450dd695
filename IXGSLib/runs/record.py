"""The records of a run in its folder: what was asked for, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import FormatError
from ..formats.strict_json import read_json

VERSION = 1
RUN, DONE = "run.json", "done.json"


def read_record(path: Path) -> dict[str, Any]:
    """The content of a run.json or done.json; raises FormatError for another file and for a newer version."""
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") not in ("ixgs-run", "ixgs-done"):
        raise FormatError(f"{path}: not written by IXGS, expected a run's record; choose another folder")
    if content.get("version") != VERSION:
        raise FormatError(f"{path}: version {content.get('version')}, expected {VERSION}; update IXGS")
    return content
