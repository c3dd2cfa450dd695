"""Reading X-rays in a child process, from files or copied out of the scene."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import slicer

from IXGSLib.errors import IXGSError

from .child_process import ChildProcess, Ending
from .reading import Reading
from .scene_images import SceneImages
from .signal import Signal
from .stepper import Stepper
from .wording import panel_text

READ_CASE, READ_IMAGES = ("-m", "IXGSLib.jobs.read_case"), ("-m", "IXGSLib.jobs.read_images")


class CaseReader:
    """Reads one set of X-rays at a time.

    finished: emitted with the Reading, the path of its case and the options it was read with. failed: with the reason.
    """

    def __init__(self) -> None:
        self.finished, self.failed = Signal(), Signal()
        self.copying = Stepper()
        self.process = ChildProcess()
        self.process.ended.connect(self._on_ended)
        self._case = Path()
        self._options: list[str] = []
        self._folders: list[Path] = []

    @property
    def busy(self) -> bool:
        return self.copying.busy or self.process.running

    def read_files(self, case: Path, options: list[str]) -> None:
        """Read a case, or images with the options of the command line that describe them."""
        self.discard()
        self._case, self._options = case, options
        self.process.start([*READ_CASE, str(case), "--out", str(self._new_folder()), *options])

    def read_images(self, images: SceneImages) -> None:
        """Copy the X-rays that are listed in section 1 out of the scene, then read them."""
        self.discard()
        folder = self._new_folder()
        self.copying.start(images.copy_steps(folder), lambda _: self._read_copies(folder), self._on_refused)

    def discard(self) -> None:
        """Stop, and delete the files of the last reading."""
        self.copying.stop()
        self.process.abandon()
        while self._folders:
            shutil.rmtree(self._folders.pop(), ignore_errors=True)

    def _read_copies(self, images: Path) -> None:
        self._case, self._options = self._new_folder() / "scene", []
        out = self._new_folder()
        self.process.start([*READ_IMAGES, str(images), "--case", str(self._case), "--out", str(out)])

    def _on_ended(self, ending: Ending) -> None:
        if ending.done:
            self.finished.emit(Reading.load(self._folders[-1]), self._case, self._options)
        else:
            self.failed.emit(ending.error)

    def _on_refused(self, error: IXGSError) -> None:
        self.failed.emit(panel_text(str(error)))

    def _new_folder(self) -> Path:
        """A temporary folder that is deleted with the reading."""
        self._folders.append(Path(tempfile.mkdtemp(prefix="ixgs-case-", dir=slicer.app.temporaryPath)))
        return self._folders[-1]
