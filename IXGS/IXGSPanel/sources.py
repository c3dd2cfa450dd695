"""What a path that the user has chosen holds: a case, DICOM X-rays with tags, or images without poses."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from IXGSLib.errors import IXGSError

Kind = Literal["nothing", "case", "tagged", "images"]


def kind_of(path: str) -> Kind:
    """What a path holds; "tagged" are DICOM X-rays, whose tags may state approximate poses."""
    file = Path(path)
    if not path or not file.exists():
        return "nothing"
    if (file / "case.json").is_file() if file.is_dir() else file.suffix.lower() == ".json":
        return "case"
    return "tagged" if _holds_dicom(file, file.stat().st_mtime_ns) else "images"


@lru_cache(maxsize=8)
def _holds_dicom(path: Path, changed: int) -> bool:
    """Whether a file, or a file in a folder that changed at this time, is DICOM."""
    from IXGSLib.sniffing import head, sniff

    files = sorted(path.iterdir()) if path.is_dir() else [path]
    try:
        return any(file.is_file() and sniff(head(file)) == "DICOM" for file in files)
    except (OSError, IXGSError):  # the reader will name the file
        return False
