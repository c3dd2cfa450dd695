"""A program in a process of its own, which says what it does in JSON lines."""

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

PATIENCE_SECONDS = 5.0
"""From the wish to stop to the end of the whole process tree."""
CANCELLED = 130
"""What a cancelled command of IXGS returns."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """How a job ended.

    code: what its process returned, negative for a signal. error: what went wrong, empty when it is done.
    """

    code: int
    cancelled: bool
    error: str

    @property
    def done(self) -> bool:
        return self.code == 0 and not self.cancelled


class Job:
    """A run of Python with some arguments.

    It writes to files, which `poll` reads: no pipe can fill and no thread is needed. It stops when its standard input
    is closed, so that it does not outlive the program that started it either.
    told: called with each event, of progress the latest only. said: called with each other line of output.
    folder: where temporary files may be.
    """

    def __init__(
        self,
        arguments: list[str],
        told: Callable[[Event], None],
        said: Callable[[str], None],
        folder: str | None = None,
    ) -> None:
        self.told, self.said = told, said
        self.asked: float | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-", dir=folder))
        self._tails = [Tail(self._folder / name) for name in ("events", "log")]
        self._error = self._last = ""
        with self._tails[0].path.open("wb") as events, self._tails[1].path.open("wb") as log:
            streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": events, "stderr": log}
            self._process = subprocess.Popen([python(), *arguments], env=environment(), **streams, **_detached())

    def poll(self) -> Ending | None:
        """Pass on what was said since the last look; how the job ended, once it has."""
        code = self._process.poll()
        self._read()
        if code is None:
            if self.asked is not None and time.monotonic() - self.asked > PATIENCE_SECONDS:
                end_tree(self._process.pid)
            return None
        self.close()
        cancelled = self.asked is not None or code == CANCELLED
        error = self._error or (unexplained(code, self._last) if code else "")
        return Ending(code, cancelled, "" if cancelled else error)

    def cancel(self) -> None:
        """Ask the job to stop; PATIENCE_SECONDS later it is ended with all that it started."""
        if self.asked is None:
            self.asked = time.monotonic()
            self._close_input()

    def close(self) -> None:
        """Let go of the job: it stops if it has not yet, and nobody waits for it."""
        self._close_input()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self) -> None:
        events, log = self._tails
        for line in log.lines():
            if line.strip():
                self._last = line.strip()
                self.said(line.rstrip())
        for event in latest([parsed(line) for line in events.lines()]):
            if event["event"] == "error":
                self._error = event["message"]
            self.told(event)

    def _close_input(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # the job may be gone, and its end of the pipe with it
            self._process.stdin.close()


def unexplained(code: int, last: str) -> str:
    """What there is to say of a job that ended without a message of its own."""
    words = last or "it left no message; memory may have run out"
    return f"the process ended unexpectedly with code {code}: {words}"


class Tail:
    """The whole lines that are added to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0

    def lines(self) -> list[str]:
        with self.path.open("rb") as file:
            file.seek(self.position)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self.position += len(whole)
        return whole.decode("utf-8", errors="replace").splitlines()


def parsed(line: str) -> Event:
    """The event of a line; other output counts as a remark."""
    try:
        event = json.loads(line)
    except ValueError:
        return {"event": "remark", "message": line}
    return event if isinstance(event, dict) and "event" in event else {"event": "remark", "message": line}


def latest(events: list[Event]) -> list[Event]:
    """Without progress that newer progress has overtaken; the newest preview is kept."""
    progress = [event for event in events if event["event"] == "progress"]
    previews = [event["preview"] for event in progress if "preview" in event]
    if not progress:
        return events
    last = {**progress[-1], **({"preview": previews[-1]} if previews else {})}
    return [last if event is progress[-1] else event for event in events if event not in progress[:-1]]


def python() -> str:
    """The Python that has Slicer's packages: its own where this is Slicer."""
    return shutil.which("PythonSlicer") or sys.executable


def environment() -> dict[str, str]:
    """This process's environment, with IXGSLib in reach and text in UTF-8."""
    root = str(Path(IXGSLib.__file__).resolve().parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _detached() -> dict[str, Any]:
    """A group of its own, so that the whole tree can be ended, and no console window."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def end_tree(pid: int) -> None:
    """End a process and all that it started: PythonSlicer, for one, is a launcher of the real thing."""
    if sys.platform == "win32":
        words = ["taskkill", "/PID", str(pid), "/T", "/F"]
        subprocess.Popen(words, creationflags=subprocess.CREATE_NO_WINDOW)
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
