"""A reader's rating of a volume, kept as JSON in the folder of the run."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from IXGSLib import __version__
from IXGSLib.files import write_atomically

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


def save_rating(folder: Path, content: dict[str, Any]) -> Path:
    """Write a rating into the folder of a run, one file for each reader; raises IXGSError if that fails."""
    reader = re.sub(r"[^A-Za-z0-9_-]+", "-", content["reader"]).strip("-")
    path = folder / (f"rating-{reader}.json" if reader else "rating.json")
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return path
