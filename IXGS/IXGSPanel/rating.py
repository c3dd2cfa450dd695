"""A reader's rating of a volume, kept as JSON in the folder of the run."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from IXGSLib import __version__
from IXGSLib.files import sha256, write_atomically

from .folders import unused

QUESTIONS = ("overall", "pedicles", "body", "navigation")
SCALE = {"1": "unusable", "5": "excellent"}


def rating(answers: dict[str, int], reader: str, remarks: str, volume: str) -> dict[str, Any]:
    """The content of a rating file.

    answers: 1 to 5 for each of QUESTIONS, 0 where it was not answered; the file has null there.
    """
    return {
        "format": "ixgs-rating",
        "version": 1,
        "ixgs": __version__,
        "volume": volume,
        "reader": reader,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "scale": SCALE,
        "answers": {question: answers.get(question) or None for question in QUESTIONS},
        "remarks": remarks,
    }


def save_rating(folder: Path, content: dict[str, Any]) -> tuple[Path, list[Path]]:
    """Write a rating into the folder of a run, in a new file; raises IXGSError if that fails.

    Returns its path and those of earlier ratings by this reader, which are kept.
    """
    path = unused(folder / f"rating-{_file_part(content['reader'])}.json")
    earlier = [each for each in sorted(folder.glob("rating*.json")) if _reader(each) == content["reader"]]
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return path, earlier


def _reader(path: Path) -> str | None:
    """Who made the rating in a file; None for a file that holds no rating."""
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("reader")
    except (OSError, ValueError, AttributeError):
        return None


def _file_part(reader: str) -> str:
    """A part of a file name for a reader, in any script; two readers never have the same."""
    plain = re.sub(r"[^\w-]+", "-", reader).strip("-")[:60]
    return plain if plain == reader else f"{plain}-{sha256(reader.encode())[:6]}".strip("-")
