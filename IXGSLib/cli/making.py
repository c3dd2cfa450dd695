"""What `ixgs pairs` and `ixgs series` share: a locked folder, progress, and the closing line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..messages import RESEARCH_ONLY, collect_warnings
from ..runs.events import Reporter
from ..runs.lock import Lock
from .displays import display, tell


def make_in_folder(out: Path, name: str, total: int, json: bool, make: Callable[[Path], Iterator[int]]) -> None:
    """Fill a folder with training data; `make` takes it and yields the number of finished items, `name` in plural.

    json: whether to report progress on standard output as JSON lines.
    """
    folder = out.absolute()
    lock = Lock(folder.parent / f".{folder.name}.lock")
    with Reporter(display(json)) as reporter:
        lock.acquire()
        try:
            _report(reporter, name, total, make(folder))
        finally:
            lock.release()
    if not json:
        tell(f"{folder}: {total} {name}, manifest.json\n{RESEARCH_ONLY}")


def _report(reporter: Reporter, name: str, total: int, made: Iterator[int]) -> None:
    start, first = time.monotonic(), 0
    with collect_warnings() as messages:
        for number, done in enumerate(made):
            for message in messages:
                reporter.warn(message)
            first = done if number == 0 else first
            seconds = time.monotonic() - start
            remaining = seconds / (done - first) * (total - done) if done > first else None
            reporter.report("progress", stage=name, step=done, steps=total, seconds=seconds, remaining=remaining)
    found = {name: total, "made": total - first, "seconds": time.monotonic() - start}
    reporter.report("done", **found)
