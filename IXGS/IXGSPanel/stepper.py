"""Work that Slicer's event loop does part by part."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from IXGSLib.errors import IXGSError
from IXGSLib.steps import Steps

from .timing import timer

TURN_SECONDS = 0.03
"""What one turn of the event loop gives."""


class Stepper:
    """One piece of work at a time, in turns of TURN_SECONDS or of one part where that takes longer."""

    def __init__(self) -> None:
        self._work: Steps[Any] | None = None
        self._soon = timer(0, self._go)

    @property
    def busy(self) -> bool:
        return self._work is not None

    def start(self, work: Steps[Any], done: Callable[[Any], None], failed: Callable[[IXGSError], None]) -> None:
        """Begin, in place of what is going on; done: called with the result. failed: called with an IXGSError."""
        self._work, self._done, self._failed = work, done, failed
        self._soon.start()

    def stop(self) -> None:
        """Leave it at that, without another word."""
        self._soon.stop()
        if self._work is not None:
            self._work.close()
            self._work = None

    def _go(self) -> None:
        end = time.monotonic() + TURN_SECONDS
        try:
            next(self._work)
            while time.monotonic() < end:
                next(self._work)
        except StopIteration as ending:
            self._work = None
            self._done(ending.value)
        except IXGSError as error:
            self._work = None
            self._failed(error)
        else:
            self._soon.start()
