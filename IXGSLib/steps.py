"""Work in parts, so that whoever does it can look after other things in between."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Each `next` does a part, of some milliseconds; the generator returns the result."""


def finished(steps: Steps[Result], between: Callable[[], object] = lambda: None) -> Result:
    """The result of some work, all of it done at once; between: called after each part."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        between()
