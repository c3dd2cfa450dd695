"""The ratings that readers saved in the panel, joined with the key of the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import FormatError, IXGSError
from ...formats.strict_json import read_json
from .key import Key

QUESTIONS = ("overall", "pedicles", "body", "navigation")
"""What the panel asks, in its order."""
CATEGORIES = 5
"""Answers go from 1, unusable, to 5, excellent."""


@dataclass(frozen=True)
class Rating:
    """The answers of one reader to one number of a set.

    showing: 1, or 2 for the second showing of the same run. answers: 1 to 5 by question; questions that were not
    answered are missing.
    """

    reader: str
    set: str
    number: str
    run: str
    showing: int
    answers: dict[str, int]


@dataclass(frozen=True)
class Ratings:
    """All ratings of a study.

    simulated: the model that made them, None for those of readers. notes: what was missing or left out.
    """

    ratings: tuple[Rating, ...]
    simulated: dict[str, Any] | None
    notes: tuple[str, ...]

    @property
    def readers(self) -> tuple[str, ...]:
        return tuple(sorted({rating.reader for rating in self.ratings}))


def read_ratings(folders: Sequence[Path], key: Key) -> Ratings:
    """The ratings in the sets of a study.

    folders: that of the sets, and copies of it or of single sets that readers took to other computers. Of several
    ratings of one number by one reader the latest counts, which a note says; numbers without a rating are noted too.
    Raises FormatError for a file that is no rating, IXGSError for a number that the key does not know, for simulated
    ratings among real ones, and where there is no rating at all.
    """
    found: dict[tuple[str, str, str], tuple[str, Rating, dict[str, Any] | None]] = {}
    notes: list[str] = []
    for folder in folders:
        for path in _files(folder):
            content = _content(path)
            place = _place(path, key)
            rating = _rating(path, content, place, key)
            index = (rating.reader, *place)
            if index in found and found[index][0] != content["time"]:
                notes.append(f"{rating.reader} rated number {place[1]} of {place[0]} more than once; the latest counts")
            if index not in found or content["time"] > found[index][0]:
                found[index] = (content["time"], rating, content.get("simulated"))
    if not found:
        raise IXGSError(f"{', '.join(map(str, folders))}: no ratings in them; let readers save ratings in the panel")
    ratings = tuple(rating for _, (_, rating, _) in sorted(found.items()))
    models = {str(model): model for _, _, model in found.values()}
    if len(models) > 1:
        raise IXGSError(
            "simulated ratings among others, expected ratings of readers or of one model; remove the others"
        )
    return Ratings(ratings, next(iter(models.values())), (*dict.fromkeys(notes), *_missing(ratings, key)))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise IXGSError(f"{folder}: no such folder, expected the sets of a reader study")
    return sorted(folder.rglob("rating*.json"))


def _content(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != "ixgs-rating":
        raise FormatError(f"{path}: not a rating of the panel; remove it from the sets")
    if content.get("version") != 1:
        raise FormatError(f"{path}: version {content.get('version')}, expected 1; update IXGS")
    for name in ("reader", "time"):
        if not isinstance(content.get(name), str) or not content[name]:
            raise FormatError(f'{path}: no "{name}", expected that of the panel; remove the rating or save it again')
    return content


def _place(path: Path, key: Key) -> tuple[str, str]:
    """The set and the number that a rating belongs to, by its folders."""
    number, name = path.parent.name, path.parent.parent.name
    if name not in key.sets or number not in key.sets[name]:
        raise IXGSError(
            f"{path}: '{name}/{number}' is not in the key, expected one of {', '.join(key.sets)} and a number of it; "
            "give the key of these sets and keep the names of the folders"
        )
    return name, number


def _rating(path: Path, content: dict[str, Any], place: tuple[str, str], key: Key) -> Rating:
    answers = content.get("answers")
    if not isinstance(answers, dict) or not set(answers) <= set(QUESTIONS):
        raise FormatError(f'{path}: "answers" are {answers!r}, expected those to {", ".join(QUESTIONS)}')
    given = {question: value for question, value in answers.items() if value is not None}
    for question, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= CATEGORIES:
            raise FormatError(f"{path}: the answer to '{question}' is {value!r}, expected 1 to {CATEGORIES} or null")
    name, number = place
    run = key.sets[name][number]
    earlier = [other for other, behind in key.sets[name].items() if behind == run]
    return Rating(content["reader"], name, number, run, 1 + earlier.index(number), given)


def _missing(ratings: Sequence[Rating], key: Key) -> list[str]:
    """Which numbers of a set a reader who rated others of it left out, and which questions."""
    notes = []
    for reader, name in sorted({(rating.reader, rating.set) for rating in ratings}):
        rated = {rating.number: rating for rating in ratings if (rating.reader, rating.set) == (reader, name)}
        lost = [number for number in key.sets[name] if number not in rated]
        if lost:
            notes.append(f"{reader} did not rate {len(lost)} of {len(key.sets[name])} of {name}: {_listed(lost)}")
        for question in QUESTIONS:
            open_ = [number for number, rating in rated.items() if question not in rating.answers]
            if open_:
                notes.append(f"{reader} did not answer '{question}' for {_listed(open_)} of {name}")
    return notes


def _listed(numbers: Sequence[str], most: int = 8) -> str:
    return ", ".join(numbers[:most]) + (f" and {len(numbers) - most} more" if len(numbers) > most else "")
