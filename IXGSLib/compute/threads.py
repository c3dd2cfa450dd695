"""The threads on which compiled kernels run."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from ..errors import SettingsError

CHUNKS = 8
"""The number of parts into which work is split, whatever the number of threads, so that sums do not depend on it."""

_pool: ThreadPoolExecutor | None = None
_count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count() -> int:
    """The number of threads that run kernels: by default every CPU that this process may use."""
    return _count


def set_thread_count(count: int) -> None:
    """Use `count` threads from the next kernel on; results do not depend on it."""
    global _pool, _count
    if count < 1:
        raise SettingsError(f"{count} threads, expected at least one")
    if _pool is not None:
        _pool.shutdown()
    _pool, _count = None, count


def run(kernel: Callable[..., None], length: int, *arguments: object) -> None:
    """Call kernel(chunk, start, stop, *arguments) for CHUNKS parts of range(length), in parallel.

    An exception in a call is raised here, after all calls have ended.
    """
    global _pool
    edges = [length * n // CHUNKS for n in range(CHUNKS + 1)]
    parts = iter([(n, edges[n], edges[n + 1]) for n in range(CHUNKS)])

    def work() -> None:
        for part in parts:
            kernel(*part, *arguments)

    if _count == 1:
        work()
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(_count - 1, thread_name_prefix="ixgs")
    # Every free thread takes the next part, this one too: a task for each part would cost more than a small kernel.
    helpers = [_pool.submit(work) for _ in range(_count - 1)]
    try:
        work()
    finally:
        wait(helpers)
    for helper in helpers:
        helper.result()


def _drop_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):  # a forked process inherits the pool but none of its threads
    os.register_at_fork(after_in_child=_drop_pool)
