"""A Python program in a separate process that reports its progress as JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .child import Child, ReadyChild

KILL_AFTER_SECONDS = 5.0
"""How long a job may take to stop before it is killed with all of its child processes."""
CANCELLED = 130
"""Exit code of a command of IXGS that was cancelled."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """How a job ended.

    code: the exit code, negative for a signal. error: the reason why it failed, empty if it did not.
    """

    code: int
    cancelled: bool
    error: str

    @property
    def done(self) -> bool:
        return self.code == 0 and not self.cancelled


class Job:
    """A Python process with the given arguments, whose output `poll` passes on.

    on_event: called with each event; of several pending progress events, only with the latest. on_line: called with
    each line of standard error. folder: for temporary files. ready: a process that waits for a command, which runs the
    job if it can, and is closed if it cannot.
    """

    def __init__(
        self,
        arguments: list[str],
        on_event: Callable[[Event], None],
        on_line: Callable[[str], None],
        folder: str | None = None,
        ready: ReadyChild | None = None,
    ) -> None:
        self.on_event, self.on_line = on_event, on_line
        self.cancelled_at: float | None = None
        self._error = self._last_line = ""
        self._child = _begun(ready, arguments) or Child(arguments, folder)

    def poll(self) -> Ending | None:
        """Pass on the output since the last call; returns how the job ended, None while it is running."""
        code = self._child.poll()
        self._pass_on_output()
        if code is None:
            if self.cancelled_at is not None and time.monotonic() - self.cancelled_at > KILL_AFTER_SECONDS:
                self._child.kill()
            return None
        self.close()
        cancelled = self.cancelled_at is not None or code == CANCELLED
        error = self._error or (unexpected_exit(code, self._last_line) if code else "")
        return Ending(code, cancelled, "" if cancelled else error)

    def cancel(self) -> None:
        """Ask the job to stop; after KILL_AFTER_SECONDS `poll` kills it."""
        if self.cancelled_at is None:
            self.cancelled_at = time.monotonic()
            self._child.close_input()

    def close(self) -> None:
        """Let a job that is still running stop without waiting for it, and delete the temporary files."""
        self._child.close()

    def _pass_on_output(self) -> None:
        for line in self._child.errors.read():
            if line.strip():
                self._last_line = line.strip()
                self.on_line(line.rstrip())
        for event in without_outdated_progress([parse_event(line) for line in self._child.output.read()]):
            if event["event"] == "error":
                self._error = event["message"]
            self.on_event(event)


def _begun(ready: ReadyChild | None, arguments: list[str]) -> Child | None:
    """The process that was waiting, if it runs the command."""
    if ready is None or ready.begin(arguments):
        return ready
    ready.close()
    return None


def unexpected_exit(code: int, last_line: str) -> str:
    """The message for a job that ended without reporting an error."""
    detail = last_line or "it left no message; memory may have run out"
    return f"the process ended unexpectedly with code {code}: {detail}"


def parse_event(line: str) -> Event:
    """The event in a line of standard output; any other output becomes a remark."""
    try:
        event = json.loads(line)
    except ValueError:
        return {"event": "remark", "message": line}
    return event if isinstance(event, dict) and "event" in event else {"event": "remark", "message": line}


def without_outdated_progress(events: list[Event]) -> list[Event]:
    """Only the latest of all progress events, with the latest preview if it has none of its own."""
    progress = [event for event in events if event["event"] == "progress"]
    previews = [event["preview"] for event in progress if "preview" in event]
    if not progress:
        return events
    latest = {**progress[-1], **({"preview": previews[-1]} if previews else {})}
    return [latest if event is progress[-1] else event for event in events if event not in progress[:-1]]
