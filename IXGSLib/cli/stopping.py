"""How a run is stopped from outside: Ctrl-C or the end of the process."""

from __future__ import annotations

import signal
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


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)
    _asked.set()
    raise KeyboardInterrupt
