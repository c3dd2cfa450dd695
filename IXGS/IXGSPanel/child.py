"""A job that Slicer's event loop looks after."""

from __future__ import annotations

import qt
import slicer

from IXGSLib.runs.job import Ending, Event, Job

from .signal import Signal

POLL_MILLISECONDS = 100


class Child:
    """One job at a time; `told` gives its events, `said` its other output, `ended` an Ending."""

    def __init__(self) -> None:
        self.told, self.said, self.ended = Signal(), Signal(), Signal()
        self._job: Job | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.connect("timeout()", self.poll)

    @property
    def running(self) -> bool:
        return self._job is not None

    @property
    def stopping(self) -> bool:
        """Whether the job was asked to stop and has not ended yet."""
        return self._job is not None and self._job.asked is not None

    def start(self, arguments: list[str]) -> None:
        """Run Python with some arguments; a job that is there is cancelled and forgotten."""
        self.forget()
        self._job = Job(arguments, self._tell, self.said.emit, slicer.app.temporaryPath)
        self._timer.start()

    def _tell(self, event: Event) -> None:
        if self._job is not None:  # a slot may have forgotten it
            self.told.emit(event)

    def poll(self) -> None:
        job = self._job
        ending = None if job is None else job.poll()
        if ending is None or self._job is not job:
            return
        self._job = None
        self._timer.stop()
        self.ended.emit(ending)

    def cancel(self) -> None:
        """Ask the job to stop; `ended` tells when it has."""
        if self._job is not None:
            self._job.cancel()

    def forget(self) -> None:
        """Cancel without waiting and without another word."""
        job, self._job = self._job, None
        if job is not None:
            self._timer.stop()
            job.close()


__all__ = ["Child", "Ending", "Event"]
