"""Files and folders that are written atomically: either complete or not there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import IXGSError

_PIECE_BYTES = 2**20


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` under a temporary name beside `path`, then move it into place; a failure leaves nothing behind.

    Raises IXGSError when the folder cannot be written or is full.
    """
    path = Path(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise IXGSError(
            f"{path}: cannot be written ({error.strerror}); choose a folder with write permission and free space"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def check_new_folder(folder: str | os.PathLike[str]) -> None:
    """Raises IXGSError unless a folder is new or empty."""
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise IXGSError(f"{folder}: exists already, expected a new or an empty folder; choose another or empty it")
    check_writable(folder)


def check_writable(path: str | os.PathLike[str], needed: int = 0) -> None:
    """Raises IXGSError where a file or folder cannot be made, or where fewer than `needed` bytes are free.

    It is asked before long work, whose result would otherwise be lost.
    """
    path = Path(path).absolute()
    try:
        place = next(parent for parent in (path, *path.parents) if parent.exists())
        if not place.is_dir():
            place = place.parent
        free = shutil.disk_usage(place).free
    except (OSError, ValueError) as error:
        raise IXGSError(f"{path}: cannot be used as a name ({error}); choose another") from error
    if not os.access(place, os.W_OK | os.X_OK):
        raise IXGSError(f"{path}: cannot be written, no permission in {place}; choose a folder with write permission")
    if free < needed:
        raise IXGSError(
            f"{path}: {free / 2**20:.0f} MiB are free there, expected at least {needed / 2**20:.0f} MiB; free some "
            "disk space or choose another place"
        )


def write_folder(folder: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary folder, then move it into place; returns the folder.

    folder: new or empty. Raises IXGSError for any other and where it cannot be written.
    """
    folder = Path(folder).absolute()
    check_new_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        prefix = f".{folder.name}.{_mark(os.getpid())}."
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix, suffix=".tmp") as temporary:
            # Inside the temporary folder, whose mode lets only its owner enter.
            whole = Path(temporary) / "whole"
            whole.mkdir()
            write(whole)
            if folder.exists():
                folder.rmdir()
            whole.rename(folder)
    except OSError as error:
        raise IXGSError(
            f"{folder}: cannot be written ({error.strerror}); choose a folder with write permission and free space"
        ) from error
    return folder


def _mark(pid: int) -> str:
    """What names the process that writes a temporary folder, on this machine."""
    return f"{sha256(socket.gethostname().encode())[:6]}-{pid}"


def _sweep(folder: Path) -> None:
    """Remove what killed processes of this machine left while they wrote a folder: it may hold images of a patient."""
    mark = re.compile(rf"{re.escape(f'.{folder.name}.')}{_mark(0)[:-1]}(\d+)\..*\.tmp")
    for left in folder.parent.iterdir():
        match = mark.fullmatch(left.name)
        if match is not None and not alive(int(match[1])):
            shutil.rmtree(left, ignore_errors=True)


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


def sha256(data: bytes) -> str:
    """The SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
