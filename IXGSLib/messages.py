"""Messages for people: one line each, on standard error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from .errors import IXGSWarning

RESEARCH_ONLY = "Research use only. Not a medical device."


def one_line(message: object) -> str:
    """A message without line breaks; the items of a list are parted by semicolons."""
    lines = [line.strip() for line in str(message).splitlines() if line.strip()]
    head, *rest = lines or [""]
    return " ".join([head, "; ".join(rest)]).strip()


def tell(text: str) -> None:
    """One line on standard error."""
    print(f"ixgs: {text}", file=sys.stderr, flush=True)


@contextmanager
def noticed() -> Iterator[list[str]]:
    """Within it, each IXGSWarning becomes an entry of the list, once, instead of being shown."""
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
