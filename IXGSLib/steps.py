"""Long work as a generator, so that a user interface can respond between its steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Each `next` does a few milliseconds of work; the generator returns the result."""


def result_of(steps: Steps[Result], between: Callable[[], object] = lambda: None) -> Result:
    """Carry out all steps and return their result; between: called after each step."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        between()
