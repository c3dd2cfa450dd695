"""How a run is stopped from outside: Ctrl-C, the end of the process or, where a program asks for it, of its input."""

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
    """Within it, SIGINT and SIGTERM raise KeyboardInterrupt once, so that files are tidied; the second one kills."""
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
    """From now on the end of standard input counts as SIGINT.

    The program that started this one cancels by closing the pipe, on every system and through launchers that pass it
    on; the work also ends when that program dies.
    """
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1024):  # not sys.stdin, whose lock would be held when the interpreter ends
        pass
    _thread.interrupt_main()


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)
    _asked.set()
    raise KeyboardInterrupt
