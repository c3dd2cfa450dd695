"""A Python program in a separate process that reports its progress as JSON lines."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import IXGSLib

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
    """A Python process with the given arguments.

    Its output goes to files that `poll` reads, so that no pipe can fill up and no thread is needed. It stops when its
    standard input is closed, which also happens when the program that started it dies.
    on_event: called with each event; of several pending progress events, only with the latest. on_line: called with
    each line of standard error. folder: for temporary files.
    """

    def __init__(
        self,
        arguments: list[str],
        on_event: Callable[[Event], None],
        on_line: Callable[[str], None],
        folder: str | None = None,
    ) -> None:
        self.on_event, self.on_line = on_event, on_line
        self.cancelled_at: float | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-", dir=folder))
        self._events, self._lines = NewLines(self._folder / "events"), NewLines(self._folder / "log")
        self._error = self._last_line = ""
        with self._events.path.open("wb") as events, self._lines.path.open("wb") as log:
            streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": events, "stderr": log}
            self._process = subprocess.Popen(
                [python_executable(), *arguments], env=child_environment(), **streams, **_process_group()
            )

    def poll(self) -> Ending | None:
        """Pass on the output since the last call; returns how the job ended, None while it is running."""
        code = self._process.poll()
        self._pass_on_output()
        if code is None:
            if self.cancelled_at is not None and time.monotonic() - self.cancelled_at > KILL_AFTER_SECONDS:
                kill_process_tree(self._process.pid)
            return None
        self.close()
        cancelled = self.cancelled_at is not None or code == CANCELLED
        error = self._error or (unexpected_exit(code, self._last_line) if code else "")
        return Ending(code, cancelled, "" if cancelled else error)

    def cancel(self) -> None:
        """Ask the job to stop; after KILL_AFTER_SECONDS `poll` kills it."""
        if self.cancelled_at is None:
            self.cancelled_at = time.monotonic()
            self._close_input()

    def close(self) -> None:
        """Let a job that is still running stop without waiting for it, and delete the temporary files."""
        self._close_input()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pass_on_output(self) -> None:
        for line in self._lines.read():
            if line.strip():
                self._last_line = line.strip()
                self.on_line(line.rstrip())
        for event in without_outdated_progress([parse_event(line) for line in self._events.read()]):
            if event["event"] == "error":
                self._error = event["message"]
            self.on_event(event)

    def _close_input(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # the process may have ended, and its end of the pipe with it
            self._process.stdin.close()


def unexpected_exit(code: int, last_line: str) -> str:
    """The message for a job that ended without reporting an error."""
    detail = last_line or "it left no message; memory may have run out"
    return f"the process ended unexpectedly with code {code}: {detail}"


class NewLines:
    """The complete lines that were added to a file since they were last read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0

    def read(self) -> list[str]:
        with self.path.open("rb") as file:
            file.seek(self._position)
            new = file.read()
        complete = new[: new.rfind(b"\n") + 1]
        self._position += len(complete)
        return complete.decode("utf-8", errors="replace").splitlines()


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


def python_executable() -> str:
    """The Python with Slicer's packages if this is Slicer, otherwise the Python of this process."""
    return shutil.which("PythonSlicer") or sys.executable


def child_environment() -> dict[str, str]:
    """The environment of this process, with IXGSLib on the path and text in UTF-8."""
    root = str(Path(IXGSLib.__file__).resolve().parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _process_group() -> dict[str, Any]:
    """Options of Popen for a group of its own, so that all child processes can be killed, without a console window."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def kill_process_tree(pid: int) -> None:
    """Kill a process and its children; PythonSlicer, for example, only launches the actual Python."""
    if sys.platform == "win32":
        words = ["taskkill", "/PID", str(pid), "/T", "/F"]
        subprocess.Popen(words, creationflags=subprocess.CREATE_NO_WINDOW)
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
