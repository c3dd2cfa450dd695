"""A Python program in a process of its own, and one that waits until it is needed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import IXGSLib

PROGRAM = ["-m", "IXGSLib"]
"""How the arguments of a command of IXGS begin."""


class Child:
    """A Python process with the given arguments.

    Its output goes to files, so that no pipe can fill up and no thread is needed. It stops when its standard input is
    closed, which also happens when the program that started it dies.
    output, errors: the new lines of its two streams. folder: for temporary files.
    """

    def __init__(self, arguments: list[str], folder: str | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-", dir=folder))
        self.output, self.errors = NewLines(self._folder / "output"), NewLines(self._folder / "errors")
        with self.output.path.open("wb") as output, self.errors.path.open("wb") as errors:
            streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": output, "stderr": errors}
            self.process = subprocess.Popen(
                [python_executable(), *arguments], env=child_environment(), **streams, **_process_group()
            )

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it is running."""
        return self.process.poll()

    def close_input(self) -> None:
        """Ask it to stop."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # the process may have ended, and its end of the pipe with it
            self.process.stdin.close()

    def close(self) -> None:
        """Let it stop without waiting for it, and delete the temporary files."""
        self.close_input()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """Kill it and its children; PythonSlicer, for example, only launches the actual Python."""
        if sys.platform == "win32":
            words = ["taskkill", "/PID", str(self.process.pid), "/T", "/F"]
            subprocess.Popen(words, creationflags=subprocess.CREATE_NO_WINDOW)
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class ReadyChild(Child):
    """A process that loads what an estimate needs, then waits for a command of IXGS; it ends if none comes for long."""

    def __init__(self, folder: str | None = None) -> None:
        super().__init__(["-m", "IXGSLib.cli.ready"], folder)

    def begin(self, arguments: list[str]) -> bool:
        """Let it run a command, whose arguments begin with PROGRAM; False if it cannot, because it has ended."""
        if arguments[: len(PROGRAM)] != PROGRAM or self.poll() is not None:
            return False
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(arguments[len(PROGRAM) :]).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:  # it has ended in this moment
            return False
        return True


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
