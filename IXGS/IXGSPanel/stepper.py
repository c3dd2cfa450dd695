"""Work that is done in short turns of Slicer's event loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from IXGSLib.errors import IXGSError
from IXGSLib.steps import Steps

from .timers import single_shot_timer

TURN_SECONDS = 0.03
"""The time that the work may take in one turn of the event loop."""


class Stepper:
    """Runs one piece of work at a time; a turn ends after TURN_SECONDS, or after one step if that takes longer."""

    def __init__(self) -> None:
        self._work: Steps[Any] | None = None
        self._next_turn = single_shot_timer(0, self._run_turn)

    @property
    def busy(self) -> bool:
        return self._work is not None

    def start(self, work: Steps[Any], done: Callable[[Any], None], failed: Callable[[IXGSError], None]) -> None:
        """Start the work in place of any that is running.

        done: called with the result. failed: called with the IXGSError that the work raised.
        """
        self._work, self._done, self._failed = work, done, failed
        self._next_turn.start()

    def stop(self) -> None:
        """Abandon the work without calling `done` or `failed`."""
        self._next_turn.stop()
        if self._work is not None:
            self._work.close()
            self._work = None

    def _run_turn(self) -> None:
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
            self._next_turn.start()
