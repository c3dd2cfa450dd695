"""The display of events and messages on standard error, in a terminal or in a log."""

from __future__ import annotations

import sys
import time

from ..errors import Notice
from ..messages import visible
from ..runs.events import Display, Event, JsonLines

LOG_LINE_SECONDS = 5.0
"""Time between two progress lines when there is no terminal."""


def tell(text: str) -> None:
    """Lines on standard output."""
    print(visible(text))


def say(text: str) -> None:
    """One line on standard error."""
    print(f"ixgs: {visible(text)}", file=sys.stderr, flush=True)


def say_warning(message: str) -> None:
    """A warning on standard error; a notice is not called one."""
    say(message if isinstance(message, Notice) else f"warning: {message}")


def display(json_lines: bool) -> Display:
    """The display for programs, or that for a terminal or a log, whichever standard error is connected to."""
    if json_lines:
        return JsonLines()
    return Bar() if sys.stderr.isatty() else PlainLines()


class PlainLines:
    """A line every few seconds, for logs."""

    def __init__(self) -> None:
        self.next_line = 0.0

    def show(self, event: Event) -> None:
        if event["event"] == "warning":
            say(f"warning: {event['message']}")
        elif event["event"] == "note":
            say(event["message"])
        elif event["event"] == "start":
            say(f"{event['case']}: {event['views']} views, {event['steps']} steps on the {device_name(event)}")
        elif (text := study_text(event)) is not None:
            say(text)
        elif event["event"] == "progress" and time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + LOG_LINE_SECONDS
            say(f"{event['stage']}, step {event['step']} of {event['steps']}{details(event)}")

    def close(self) -> None: ...


class Bar:
    """A progress bar, for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self.bar = Progress(*columns, TextColumn("{task.fields[details]}", markup=False), console=console)
        self.task = self.bar.add_task("", total=None, details="", visible=False)

    def show(self, event: Event) -> None:
        if event["event"] == "warning":
            self.bar.console.print(f"ixgs: warning: {event['message']}", markup=False, highlight=False, soft_wrap=True)
        elif event["event"] == "note":
            self.bar.console.print(f"ixgs: {event['message']}", markup=False, highlight=False, soft_wrap=True)
        elif (line := study_text(event)) is not None and event.get("status") != "done":
            self.bar.console.print(f"ixgs: {line}", markup=False, highlight=False, soft_wrap=True)
        elif event["event"] == "progress":
            self.bar.start()
            stage, text = event["stage"], details(event).removeprefix(", ")
            self.bar.update(
                self.task, description=stage, completed=event["step"], total=event["steps"], details=text, visible=True
            )

    def close(self) -> None:
        self.bar.stop()


def study_text(event: Event) -> str | None:
    """What an event of a study says; None for other events."""
    if event["event"] == "study":
        return f"{event['name']}: {event['runs']} runs, {event['finished']} of them finished before"
    if event["event"] == "run":
        reason = f": {event['reason']}" if event["reason"] else ""
        return f"run {event['id']} ({event['subject']}) {event['status']}{reason}"
    return None


def device_name(event: Event) -> str:
    """CPU or GPU, as people call them."""
    return "GPU" if event["device"] == "cuda" else "CPU"


def details(event: Event) -> str:
    """Loss, quality of held-out views and remaining time, as far as they are known, each after a comma."""
    parts = {
        "loss": ", loss {:.4f}",
        "held_out_psnr": ", held-out views {:.1f} dB",
    }
    text = "".join(part.format(event[name]) for name, part in parts.items() if event.get(name) is not None)
    remaining = event.get("remaining")
    return text if remaining is None else f"{text}, {int(remaining) // 60}:{int(remaining) % 60:02d} left"
