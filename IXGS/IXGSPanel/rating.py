"""The form of a reader study, kept as JSON in the folder of the run."""

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
    """What is kept of one reader's answers: 1 to 5, None where a question was left out."""
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
    """Write a rating into the folder of a run, one file for each reader; raises IXGSError when that is impossible."""
    reader = re.sub(r"[^A-Za-z0-9_-]+", "-", content["reader"]).strip("-")
    path = folder / (f"rating-{reader}.json" if reader else "rating.json")
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return path
