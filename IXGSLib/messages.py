"""Messages for people, and the collection of warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from .errors import IXGSWarning

RESEARCH_ONLY = "Research use only. Not a medical device."


def one_line(message: object) -> str:
    """A message without line breaks; the items of a list are separated by semicolons."""
    lines = [line.strip() for line in str(message).splitlines() if line.strip()]
    head, *rest = lines or [""]
    return " ".join([head, "; ".join(rest)]).strip()


def unique(*groups: Iterable[str]) -> tuple[str, ...]:
    """All messages in their order, each once."""
    return tuple(dict.fromkeys(message for group in groups for message in group))


def warn(message: str) -> None:
    """Issue an IXGSWarning, which `collect_warnings` collects."""
    warnings.warn(message, IXGSWarning, stacklevel=3)


@contextmanager
def collect_warnings() -> Iterator[list[str]]:
    """Within this context each IXGSWarning is added to the list, once, instead of being shown."""
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
            messages.append(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", IXGSWarning)
        show = warnings.showwarning
        warnings.showwarning = note
        yield messages
