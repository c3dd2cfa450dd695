"""A lock that lets one process at a time work in a folder."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..errors import IXGSError
from ..files import alive

MAX_ATTEMPTS = 20
"""Attempts to create a lock while others take over the void ones."""
MAX_BYTES = 2**12
"""Longest content of a lock; what is longer is damaged."""


class Owner(NamedTuple):
    """Who holds a lock; pid: -1 for a file that is empty or damaged. token: what tells one lock from the next."""

    pid: int
    host: str
    token: str

    @property
    def is_void(self) -> bool:
        """Whether the process has ended, or never wrote the lock in full."""
        return self.pid == -1 or (self.host == socket.gethostname() and not alive(self.pid))

    @property
    def is_this_process(self) -> bool:
        return self.host == socket.gethostname() and self.pid == os.getpid()


class Lock:
    """A file that names the process that works in its folder; it no longer counts once that process has ended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """Raises IXGSError while another process holds the lock."""
        owner = self._owner()
        if owner is not None and not owner.is_void and not owner.is_this_process:
            raise self._refusal(owner)

    def acquire(self) -> None:
        """Take the lock; raises IXGSError when another process has it or the folder cannot be written.

        The file appears with its content at once, so that of several processes one alone can create it; a void lock is
        removed first.
        """
        try:
            for _ in range(MAX_ATTEMPTS):
                if self._create():
                    return
                owner = self._owner()
                if owner is None:
                    continue
                if not owner.is_void and not owner.is_this_process:
                    raise self._refusal(owner)
                self._remove(owner)
        except OSError as error:
            raise IXGSError(
                f"{self.path.parent}: cannot be written ({error.strerror}); choose a folder with write permission"
            ) from error
        raise IXGSError(f"{self.path.parent}: other runs are starting there; choose another folder or try again")

    def release(self) -> None:
        self.path.unlink(missing_ok=True)

    def _create(self) -> bool:
        """Whether the lock could be created: there was none."""
        token = secrets.token_hex(8)
        complete = self.path.with_name(f".{self.path.name}.{token}.tmp")
        content = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "token": token})
        try:
            with os.fdopen(os.open(complete, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "w") as file:
                file.write(content)
            _move_to_new(complete, self.path)
        except FileExistsError:
            return False
        finally:
            complete.unlink(missing_ok=True)
        return True

    def _remove(self, void: Owner) -> None:
        """Remove a void lock unless another process has replaced it by its own."""
        with _one_at_a_time(self.path):
            if self._owner() == void:
                self.path.unlink()

    def _owner(self) -> Owner | None:
        """Who holds the lock; None when there is none, or in a folder that the caller will refuse."""
        try:
            return _read_owner(self.path)
        except OSError:
            return None

    def _refusal(self, owner: Owner) -> IXGSError:
        return IXGSError(
            f"{self.path.parent}: process {owner.pid} on {owner.host or 'an unknown machine'} is working there; wait "
            f"for it or choose another folder; if you are sure that it has ended, delete {self.path.name} in it"
        )


def _move_to_new(source: Path, target: Path) -> None:
    """Move a file to a name that no file has, atomically; raises FileExistsError for one that exists."""
    if sys.platform == "win32":  # where renaming never replaces a file
        source.rename(target)
        return
    os.link(source, target)
    source.unlink()


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process at a time remove a lock: the operating system ends this when the process ends."""
    if sys.platform == "win32":
        import msvcrt

        guard = path.with_name(f".{path.name}.guard.tmp")
        file = os.open(guard, os.O_CREAT | os.O_RDWR)
        try:
            msvcrt.locking(file, msvcrt.LK_LOCK, 1)
            yield
        finally:
            os.close(file)
            with suppress(OSError):  # another process has opened it
                guard.unlink()
    else:
        import fcntl

        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _read_owner(path: Path) -> Owner:
    """The owner that a lock file names."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(MAX_BYTES))
        return Owner(int(data["pid"]), str(data["host"]), str(data.get("token", "")))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Owner(-1, "", "")
