"""Files that come with IXGS: the sample case."""

from __future__ import annotations

from pathlib import Path

from .errors import IXGSError

FOLDER = Path(__file__).resolve().parents[1] / "Resources"


def resource(name: str) -> Path:
    """The file or folder of that name that comes with IXGS; raises IXGSError when it is missing."""
    path = FOLDER / name
    if not path.exists():
        raise IXGSError(
            f"{name}: not found in {FOLDER}, expected it beside IXGSLib; take a whole copy of the repository"
        )
    return path
