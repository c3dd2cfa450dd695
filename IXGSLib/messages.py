"""Messages for people, and the collection of warnings."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from .errors import IXGSNotice, IXGSWarning, Notice

_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters except the line feed, and those that change the direction of writing."""
RESEARCH_ONLY = "Research use only. Not a medical device."


def one_line(message: object) -> str:
    """A message without line breaks; the items of a list are separated by semicolons."""
    lines = [line.strip() for line in str(message).splitlines() if line.strip()]
    head, *rest = lines or [""]
    return visible(" ".join([head, "; ".join(rest)]).strip())


def visible(text: str) -> str:
    """A text with its control characters written out: names in files must not steer the terminal that shows them."""
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def out_of_memory(error: MemoryError) -> str:
    """What memory was asked for, what there is, and the cure."""
    asked = f" ({one_line(error)})" if str(error) else ""
    free = available_memory()
    there = "" if free is None else f", of which {free / 2**30:.1f} GiB are free"
    return (
        f"the memory of this computer{there}, does not suffice{asked}; use fewer Gaussians, a coarser or smaller "
        "region, or smaller images"
    )


def available_memory() -> int | None:
    """The bytes of memory that are free, None where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def unique(*groups: Iterable[str]) -> tuple[str, ...]:
    """All messages in their order, each once."""
    return tuple(dict.fromkeys(message for group in groups for message in group))


def warn(message: str) -> None:
    """Issue an IXGSWarning, which `collect_warnings` collects."""
    warnings.warn(message, IXGSWarning, stacklevel=3)


@contextmanager
def collect_warnings() -> Iterator[list[str]]:
    """Within this context each IXGSWarning is added to the list, once, instead of being shown.

    The message of an IXGSNotice is a Notice.
    """
    messages: list[str] = []

    def note(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, IXGSWarning):
            show(message, category, filename, lineno, file, line)
        elif str(message) not in messages:
            messages.append(Notice(message) if issubclass(category, IXGSNotice) else str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", IXGSWarning)
        show = warnings.showwarning
        warnings.showwarning = note
        yield messages
