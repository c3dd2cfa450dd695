"""The folder of a run: what may be written where, in which order, and what a failed run leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import IXGSError
from ..files import sha256, write_atomically, write_whole
from .lock import Lock
from .record import DONE, RUN, VERSION, read_record

LOG, LOCK, CHECKPOINTS = "progress.jsonl", "run.lock", "checkpoints"
OUTPUTS = ("volume.nrrd", "gaussians.ply", "bone.stl", "report.html")
PREVIEW = "preview.nrrd"
"""The volume so far, coarse; there only while the run lasts."""
STANDARDIZED = "standardized"
"""The case of standardised X-rays, where the run made them."""
COMPARED = ("version", "ixgs", "case", "inputs", "standardization", "settings")
"""What of run.json must be the same for a run to go on."""


class RunFolder:
    """A folder that holds one run, from run.json at its start to done.json at its end.

    run: the content of run.json. resume: whether an unfinished run with the same content may be there.
    As a context it makes the folder, locks it and writes run.json; left by an error, it removes all that was made,
    unless there are checkpoints to go on from.
    Raises IXGSError for a folder that holds something else or cannot be written.
    """

    def __init__(self, path: Path, run: dict[str, Any], resume: bool = False) -> None:
        self.path = path.absolute()
        self.run = json.loads(json.dumps({"format": "ixgs-run", "version": VERSION, **run}, allow_nan=False))
        self.resume = resume
        self.lock = Lock(self.path / LOCK)
        self.made: list[Path] = []
        self.resumed = False

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    @property
    def resumable(self) -> bool:
        """Whether there is something to go on from."""
        return any(self.checkpoints.glob("*.json")) if self.checkpoints.is_dir() else False

    def __enter__(self) -> RunFolder:
        self.lock.check()
        self.resumed = self._check()
        try:
            self._make()
            self.lock.acquire()
        except BaseException:
            self._unmake()
            raise
        try:
            self._sweep()
            if not self.resumed:
                self._write(RUN, self.run)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None or self.resumed or self.resumable:
            self.lock.release()
        else:
            self._remove()

    def save(self, name: str, save: Callable[[Path], None]) -> None:
        """Write one of the OUTPUTS, or the PREVIEW, with a function that takes a path."""
        assert name in (*OUTPUTS, PREVIEW)
        save(self.path / name)

    def save_standardized(self, save: Callable[[Path], object]) -> None:
        """Write the case of standardised X-rays with a function that fills a folder."""
        shutil.rmtree(self.path / STANDARDIZED, ignore_errors=True)
        write_whole(self.path / STANDARDIZED, save)

    def finish(self, done: dict[str, Any]) -> None:
        """Write done.json with the SHA-256 of every output; from now on the folder is a result."""
        there = [name for name in (*OUTPUTS, f"{STANDARDIZED}/case.json") if (self.path / name).is_file()]
        outputs = {name: sha256((self.path / name).read_bytes()) for name in there}
        self._write(DONE, {"format": "ixgs-done", "version": VERSION, **done, "outputs": outputs})
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        (self.path / PREVIEW).unlink(missing_ok=True)

    def _check(self) -> bool:
        """Whether an unfinished run is there that this one goes on with; raises IXGSError for anything but that."""
        name = self.path
        if name.exists() and not name.is_dir():
            raise IXGSError(f"{name}: a file, expected a new or an empty folder; choose another --out")
        try:
            inside = {file.name for file in name.iterdir()} if name.is_dir() else set()
        except OSError as error:
            raise IXGSError(f"{name}: cannot be read ({error.strerror}); choose another --out") from error
        if DONE in inside:
            raise IXGSError(f"{name}: holds a finished run, expected a new or an empty folder; choose another --out")
        if RUN not in inside:
            if inside - {LOCK}:
                raise IXGSError(f"{name}: holds other files, expected a new or an empty folder; choose another --out")
            return False
        if not self.resume:
            raise IXGSError(f"{name}: holds an unfinished run; go on with it by --resume or choose another --out")
        self._compare(read_record(name / RUN))
        return True

    def _compare(self, stored: dict[str, Any]) -> None:
        different = [key for key in COMPARED if stored.get(key) != self.run.get(key)]
        if different:
            raise IXGSError(
                f"{self.path}: its unfinished run has other {', '.join(different)} than this one, expected the same "
                "for --resume; give the same X-rays and options, or choose another --out"
            )

    def _make(self) -> None:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                self.made.append(folder)
        except OSError as error:
            raise IXGSError(
                f"{self.path}: cannot be made ({error.strerror}); choose an --out that can be written"
            ) from error

    def _remove(self) -> None:
        """Remove what this run wrote and the folders that it made; foreign files stay."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(self.path / STANDARDIZED, ignore_errors=True)
        self._sweep()
        for name in (RUN, LOG, DONE, *OUTPUTS, PREVIEW, LOCK):
            (self.path / name).unlink(missing_ok=True)
        self._unmake()

    def _unmake(self) -> None:
        while self.made and not any(self.made[-1].iterdir()):
            self.made.pop().rmdir()

    def _sweep(self) -> None:
        """Remove the temporary files of a write that was cut off."""
        for name in (RUN, DONE, *OUTPUTS, PREVIEW):
            for file in self.path.glob(f".{name}.*.tmp"):
                file.unlink(missing_ok=True)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomically(self.path / name, (text + "\n").encode())
