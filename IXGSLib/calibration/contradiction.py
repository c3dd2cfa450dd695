"""A contradiction between images and poses, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_NAMED_VIEWS = 8
"""Largest number of views named in a message."""
SCALE = "0: perfect, 1: unrelated images"


@dataclass(frozen=True)
class Contradiction:
    """One way in which images and poses contradict each other.

    text: a warning with evidence and cure. cures: the changes that explain the images about equally well; empty when
    none is known. views: the ids of the views concerned, empty for all. before, after: disagreement of the pairs
    concerned, as given and after the change; total: that of all pairs after the change.
    """

    text: str
    cures: tuple[str, ...]
    views: tuple[str, ...]
    before: float
    after: float
    total: float


def named_views(ids: Sequence[str]) -> str:
    """The views in words, at most MAX_NAMED_VIEWS of them by their ids."""
    named = ", ".join(f"'{id}'" for id in ids[:MAX_NAMED_VIEWS])
    more = "" if len(ids) <= MAX_NAMED_VIEWS else f" and {len(ids) - MAX_NAMED_VIEWS} more"
    return f"view {named}" if len(ids) == 1 else f"views {named}{more}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
