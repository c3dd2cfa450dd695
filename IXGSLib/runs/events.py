"""Events of a run: what it reports to people, to programs and to its log."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from ..errors import Cancelled, IXGSError, Notice
from ..messages import one_line, out_of_memory

Event = dict[str, Any]


class Display(Protocol):
    """Where events are shown."""

    def show(self, event: Event) -> None: ...
    def close(self) -> None: ...


class Reporter:
    """Passes events to a display and, once `log` is set, appends them to that file as JSON lines."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.log: Path | None = None
        self.warnings: list[str] = []
        self.notices: list[str] = []

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the display; an error becomes the last event."""
        self.display.close()
        if error is None:
            return
        cancelled = isinstance(error, (KeyboardInterrupt, Cancelled))
        known = cancelled or isinstance(error, IXGSError)
        if isinstance(error, MemoryError):
            error, known = IXGSError(out_of_memory(error)), True
        text = one_line(error) if known else f"internal error ({type(error).__name__}: {one_line(error)})"
        self.report("error", message=text or "cancelled", cancelled=cancelled)

    def warn(self, message: str) -> None:
        """Report a warning, once; a Notice becomes a note."""
        if isinstance(message, Notice):
            if message not in self.notices:
                self.notices.append(message)
                self.note(message)
        elif message not in self.warnings:
            self.warnings.append(message)
            self.report("warning", message=one_line(message))

    def note(self, message: str) -> None:
        """Report something that is good to know, and no warning."""
        self.report("note", message=one_line(message))

    def report(self, kind: str, **values: Any) -> None:
        """Report an event; numbers that JSON cannot express become null."""
        event = {"event": kind, **finite(values)}
        self.display.show(event)
        if self.log is None or not self.log.parent.is_dir():
            return
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
        except OSError as error:
            log, self.log = self.log, None
            raise IXGSError(f"{log}: cannot be written ({error.strerror}); free some disk space") from error


class JsonLines:
    """One JSON object per line on standard output."""

    def show(self, event: Event) -> None:
        print(json.dumps(event), flush=True)

    def close(self) -> None: ...


def finite(value: Any) -> Any:
    """A value that JSON can express: None in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
