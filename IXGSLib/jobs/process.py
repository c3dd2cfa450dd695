"""The frame of every job: it reports as JSON lines and stops when its standard input ends."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..errors import IXGSError
from ..runs.events import JsonLines, Reporter
from ..runs.stopping import stop_at_end_of_input, stoppable


def run_job(work: Callable[[Reporter], None]) -> None:
    """Do the work of a job; an error becomes its last event, and its exit code is not zero."""
    try:
        with stoppable(), Reporter(JsonLines()) as reporter:
            stop_at_end_of_input()
            work(reporter)
    except IXGSError:  # the reporter has reported it
        sys.exit(2)
