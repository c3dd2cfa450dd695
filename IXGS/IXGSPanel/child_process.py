"""A child process that Slicer's event loop watches."""

from __future__ import annotations

from dataclasses import replace

import qt
import slicer

from IXGSLib.runs.child import ReadyChild
from IXGSLib.runs.job import Ending, Event, Job

from .signal import Signal
from .wording import panel_text

POLL_MILLISECONDS = 100


class ChildProcess:
    """Runs one job at a time.

    event_received: emitted with each event of the job. line_received: with each other line of its output.
    ended: with an Ending. Messages in events and endings are in the words of the panel.
    """

    def __init__(self) -> None:
        self.event_received, self.line_received, self.ended = Signal(), Signal(), Signal()
        self._job: Job | None = None
        self._ready: ReadyChild | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.connect("timeout()", self.poll)

    @property
    def running(self) -> bool:
        return self._job is not None

    @property
    def stopping(self) -> bool:
        """Whether the job was asked to stop and is still running."""
        return self._job is not None and self._job.cancelled_at is not None

    def get_ready(self) -> None:
        """Start a process that loads what the next command needs and waits for it, unless there is one."""
        if self._ready is None:
            self._ready = ReadyChild(slicer.app.temporaryPath)

    def start(self, arguments: list[str]) -> None:
        """Run Python with these arguments; a job that is still running is abandoned."""
        self.abandon()
        ready, self._ready = self._ready, None
        self._job = Job(arguments, self._on_event, self.line_received.emit, slicer.app.temporaryPath, ready)
        self._timer.start()

    def _on_event(self, event: Event) -> None:
        if self._job is not None:  # a slot may have abandoned it
            self.event_received.emit(_in_words_of_the_panel(event))

    def poll(self) -> None:
        """Pass on the new output of the job and, once it has ended, its ending."""
        job = self._job
        ending = None if job is None else job.poll()
        if ending is None or self._job is not job:
            return
        self._job = None
        self._timer.stop()
        self.ended.emit(replace(ending, error=panel_text(ending.error)))

    def close(self) -> None:
        """Abandon the job and let go of the process that waits for one."""
        self.abandon()
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.close()

    def cancel(self) -> None:
        """Ask the job to stop; `ended` is emitted once it has."""
        if self._job is not None:
            self._job.cancel()

    def abandon(self) -> None:
        """Stop the job without waiting for it; nothing more is emitted."""
        job, self._job = self._job, None
        if job is not None:
            self._timer.stop()
            job.close()


def _in_words_of_the_panel(event: Event) -> Event:
    """An event whose message names controls of the panel."""
    return {**event, "message": panel_text(event["message"])} if "message" in event else event


__all__ = ["ChildProcess", "Ending", "Event"]
