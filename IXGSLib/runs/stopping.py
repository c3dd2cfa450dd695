"""How a run is stopped from outside: by Ctrl-C, by ending the process or, for programs, by closing its input."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_asked = threading.Event()


def stop_asked() -> bool:
    """Whether the user asked to stop."""
    return _asked.is_set()


@contextmanager
def stoppable() -> Iterator[None]:
    """Within this context a first SIGINT or SIGTERM raises KeyboardInterrupt, so that files are tidied up; a second
    kills the process."""
    _asked.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, _stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_at_end_of_input() -> None:
    """From now on treat the end of standard input as SIGINT.

    The program that started this one cancels it by closing the pipe, which works on every system and through launchers
    that pass the pipe on; this program also ends when that one dies.
    """
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1024):  # sys.stdin would hold its lock when the interpreter shuts down
        pass
    _thread.interrupt_main()


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)
    _asked.set()
    raise KeyboardInterrupt
