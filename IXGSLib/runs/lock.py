"""A lock that lets one process at a time work in a folder."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from ..errors import IXGSError


class Lock:
    """A file that names the process that works in its folder; it no longer counts once that process has ended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """Raises IXGSError while another process holds the lock."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except OSError:  # no lock, or a folder that the caller will refuse
            return
        pid, host = _owner(text)
        if host == socket.gethostname() and (pid == os.getpid() or not alive(pid)):
            return
        raise IXGSError(
            f"{self.path.parent}: process {pid} on {host or 'an unknown machine'} is working there; wait for it or "
            f"choose another folder; if you are sure that it has ended, delete {self.path.name} in it"
        )

    def acquire(self) -> None:
        """Take the lock; raises IXGSError when another process has it or the folder cannot be written."""
        self.check()
        try:
            self.path.unlink(missing_ok=True)
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError as error:
            raise IXGSError(f"{self.path.parent}: another run has just started there; choose another folder") from error
        except OSError as error:
            raise IXGSError(
                f"{self.path.parent}: cannot be written ({error.strerror}); choose a folder with write permission"
            ) from error
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)

    def release(self) -> None:
        self.path.unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether a process of this machine is running."""
    if sys.platform == "win32":
        import ctypes

        synchronize, running = 0x100000, 0x102
        handle = ctypes.windll.kernel32.OpenProcess(synchronize, False, pid)
        is_running = ctypes.windll.kernel32.WaitForSingleObject(handle, 0) == running
        ctypes.windll.kernel32.CloseHandle(handle)
        return is_running
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # the process exists and belongs to another user
        return True
    return True


def _owner(text: str) -> tuple[int, str]:
    """Process and machine named in a lock file; process -1 for a file that is empty or damaged."""
    try:
        data = json.loads(text)
        return int(data["pid"]), str(data["host"])
    except (ValueError, KeyError, TypeError):
        return -1, ""
