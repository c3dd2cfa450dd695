"""One process at a time computes a run or makes a case, on any machine that shares the folder of a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import IXGSError
from .folder import LOCKS

POLL_SECONDS = 0.2


@contextmanager
def claimed(study: Path, name: str) -> Iterator[None]:
    """Wait until no other process holds the claim of this name, then hold it.

    The operating system ends a claim with its process, however that ends; on network drives, the file server does.
    Its file stays: whoever deleted it could leave two processes with claims on different files of one name.
    """
    try:
        from filelock import FileLock
    except ImportError as error:
        raise IXGSError("studies need the package filelock; pip install 'IXGSLib[study]'") from error
    lock = FileLock(study / LOCKS / f"{name}.lock")
    with lock.acquire(poll_interval=POLL_SECONDS):
        yield
