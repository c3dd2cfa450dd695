"""X-rays with all of their pixels, which a child process writes when they are asked for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .child_process import ChildProcess, Ending
from .selection import Selection

FULL_PICTURE = ("-m", "IXGSLib.jobs.full_picture")


class FullPictures:
    """Pictures of the X-rays of section 1, one at a time; they are kept until other X-rays are read.

    problem: why the last one could not be read, empty if it could.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection, self.problem = selection, ""
        self.process = ChildProcess()
        self.process.ended.connect(self._on_ended)
        self._folder: Path | None = None
        self._wanted = ""
        self._read: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._listener: Callable[[], Any] | None = None
        selection.changed.connect(self.discard)

    def listen(self, listener: Callable[[], Any] | None) -> None:
        """Call a listener, and no other, when a picture is there or cannot be read."""
        self._listener = listener

    def picture(self, view_id: str, fiducials: bool = False) -> Path | None:
        """The picture of an X-ray, with its fiducials in sight if they are wanted; None until it has been read."""
        path = self._place(view_id) / ("fiducials.png" if fiducials else "full.png")
        return path if view_id in self._read and path.is_file() else None

    def ask_for(self, view_id: str) -> None:
        """Read the picture of an X-ray, unless that is under way or did not work."""
        if view_id == self._wanted:
            return
        if self.selection.case is None or view_id not in {xray.id for xray in self.selection.xrays}:
            self.problem = _("This X-ray is not in section 1 any more.")
            return
        self._wanted, self.problem = view_id, ""
        folder = self._place(view_id)
        folder.mkdir(exist_ok=True)
        words = [str(self.selection.case), "--out", str(folder), "--view", view_id]
        self.process.start([*FULL_PICTURE, *words, *self.selection.options])

    def _place(self, view_id: str) -> Path:
        """The folder of the pictures of a view."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="ixgs-full-", dir=slicer.app.temporaryPath))
        return self._folder / str(self._numbers.setdefault(view_id, len(self._numbers)))

    def _on_ended(self, ending: Ending) -> None:
        self.problem = "" if ending.done else ending.error
        if ending.done:
            self._read.add(self._wanted)
            self._wanted = ""
        if self._listener is not None:
            self._listener()

    def discard(self) -> None:
        """Stop, and delete the pictures."""
        self.process.abandon()
        self._wanted, self.problem, self._listener = "", "", None
        self._numbers.clear()
        self._read.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
