"""How a run tells what it is doing: to people on standard error, to programs as JSON lines."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from ..errors import Cancelled, IXGSError
from ..messages import one_line, tell

PLAIN_SECONDS = 5.0
"""Time between two lines of progress where there is no terminal."""

Event = dict[str, Any]


class Display(Protocol):
    def show(self, event: Event) -> None: ...
    def close(self) -> None: ...


class Reporter:
    """Takes events, shows them and, once `log` is set, appends them to that file as JSON lines."""

    def __init__(self, json_lines: bool) -> None:
        self.display: Display = JsonLines() if json_lines else Bar() if sys.stderr.isatty() else PlainLines()
        self.log: Path | None = None
        self.warned: list[str] = []

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Closes the display; an error becomes the last event."""
        self.display.close()
        if error is None:
            return
        cancelled = isinstance(error, (KeyboardInterrupt, Cancelled))
        known = cancelled or isinstance(error, IXGSError)
        text = one_line(error) if known else f"internal error ({type(error).__name__}: {one_line(error)})"
        self.tell("error", message=text or "cancelled", cancelled=cancelled)

    def warn(self, message: str) -> None:
        """A warning, once."""
        if message not in self.warned:
            self.warned.append(message)
            self.tell("warning", message=one_line(message))

    def tell(self, kind: str, **values: Any) -> None:
        """An event; numbers that JSON does not know become null."""
        event = {"event": kind, **finite(values)}
        self.display.show(event)
        if self.log is None or not self.log.parent.is_dir():
            return
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
        except OSError as error:
            self.log = None
            raise IXGSError(f"progress.jsonl: cannot be written ({error.strerror}); free some space") from error


class JsonLines:
    """One JSON object per line on standard output."""

    def show(self, event: Event) -> None:
        print(json.dumps(event), flush=True)

    def close(self) -> None: ...


class PlainLines:
    """Now and then a line, for logs."""

    def __init__(self) -> None:
        self.due = 0.0

    def show(self, event: Event) -> None:
        if event["event"] == "warning":
            tell(f"warning: {event['message']}")
        elif event["event"] == "start":
            tell(f"{event['case']}: {event['views']} views, {event['steps']} steps on the {event['device']}")
        elif event["event"] == "progress" and time.monotonic() >= self.due:
            self.due = time.monotonic() + PLAIN_SECONDS
            tell(f"{event['stage']}, step {event['step']} of {event['steps']}{numbers(event)}")

    def close(self) -> None: ...


class Bar:
    """A bar that moves, for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self.bar = Progress(*columns, TextColumn("{task.fields[numbers]}", markup=False), console=console)
        self.task = self.bar.add_task("", total=None, numbers="", visible=False)

    def show(self, event: Event) -> None:
        if event["event"] == "warning":
            self.bar.console.print(f"ixgs: warning: {event['message']}", markup=False, highlight=False, soft_wrap=True)
        elif event["event"] == "progress":
            self.bar.start()
            stage, text = event["stage"], numbers(event).removeprefix(", ")
            self.bar.update(
                self.task, description=stage, completed=event["step"], total=event["steps"], numbers=text, visible=True
            )

    def close(self) -> None:
        self.bar.stop()


def numbers(event: Event) -> str:
    """What is known of loss, held-out views and time left, each after a comma."""
    parts = {
        "loss": ", loss {:.4f}",
        "held_out_psnr": ", held-out {:.1f} dB",
    }
    text = "".join(part.format(event[name]) for name, part in parts.items() if event.get(name) is not None)
    remaining = event.get("remaining")
    return text if remaining is None else f"{text}, {int(remaining) // 60}:{int(remaining) % 60:02d} left"


def finite(value: Any) -> Any:
    """A value as JSON takes it: None in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
