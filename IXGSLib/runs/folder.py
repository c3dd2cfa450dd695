"""The folder of a run: what is written where, in which order, and what a failed run leaves behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import IXGSError
from ..files import file_sha256, write_atomically, write_folder
from .lock import Lock
from .records import DONE, RUN, VERSION, read_record

LOG, LOCK, CHECKPOINTS = "progress.jsonl", "run.lock", "checkpoints"
OUTPUTS = (
    "volume.nrrd",
    "confidence.nrrd",
    "expected_error.nrrd",
    "prior_share.nrrd",
    "gaussians.ply",
    "bone.stl",
    "poses.json",
    "report.html",
)
PREVIEW = "preview.nrrd"
"""A coarse volume of the current state, which exists only during the run."""
STANDARDIZED = "standardized"
"""The case of standardised X-rays, if the run made them."""
COMPARED = ("version", "ixgs", "case", "inputs", "standardization", "refinement", "prior", "preset", "changes")
"""Entries of run.json that must be the same for a run to be resumed."""


class RunFolder:
    """A folder that holds one run, from run.json at its start to done.json at its end.

    run: the content of run.json. resume: whether to continue an unfinished run with the same content.
    As a context manager it creates the folder, locks it and writes run.json; after an error it removes everything that
    was created, unless there are checkpoints to resume from.
    Raises IXGSError for a folder that holds something else or cannot be written.
    """

    def __init__(self, path: Path, run: dict[str, Any], resume: bool = False) -> None:
        self.path = path.absolute()
        self.run = json.loads(json.dumps({"format": "ixgs-run", "version": VERSION, **run}, allow_nan=False))
        self.resume = resume
        self.lock = Lock(self.path / LOCK)
        self.created: list[Path] = []
        self.resumed = False

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    @property
    def resumable(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return any(self.checkpoints.glob("*.json")) if self.checkpoints.is_dir() else False

    def __enter__(self) -> RunFolder:
        self.lock.check()
        self.resumed = self._check()
        try:
            self._create()
            self.lock.acquire()
        except BaseException:
            self._remove_created()
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

    def update(self, values: dict[str, Any]) -> None:
        """Replace entries of run.json by values that became known during the run."""
        run = self.run | json.loads(json.dumps(values, allow_nan=False))
        if run != self.run:
            self.run = run
            self._write(RUN, self.run)

    def save(self, name: str, save: Callable[[Path], None]) -> None:
        """Write one of the OUTPUTS or the PREVIEW, by a function that takes a path."""
        assert name in (*OUTPUTS, PREVIEW)
        save(self.path / name)

    def save_standardized(self, save: Callable[[Path], object]) -> None:
        """Write the case of standardised X-rays, by a function that fills a folder."""
        shutil.rmtree(self.path / STANDARDIZED, ignore_errors=True)
        write_folder(self.path / STANDARDIZED, save)

    def finish(self, done: dict[str, Any]) -> None:
        """Write done.json with the SHA-256 of every output; from now on the folder is a result."""
        written = [name for name in (*OUTPUTS, f"{STANDARDIZED}/case.json") if (self.path / name).is_file()]
        outputs = {name: file_sha256(self.path / name) for name in written}
        self._write(DONE, {"format": "ixgs-done", "version": VERSION, **done, "outputs": outputs})
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        (self.path / PREVIEW).unlink(missing_ok=True)

    def _check(self) -> bool:
        """Whether there is an unfinished run that this one continues; raises IXGSError for any other content."""
        name = self.path
        if name.exists() and not name.is_dir():
            raise IXGSError(f"{name}: is a file, expected a new or empty folder; choose another --out")
        try:
            inside = {file.name for file in name.iterdir()} if name.is_dir() else set()
        except OSError as error:
            raise IXGSError(f"{name}: cannot be read ({error.strerror}); choose another --out") from error
        if DONE in inside:
            raise IXGSError(f"{name}: holds a finished run, expected a new or empty folder; choose another --out")
        if RUN not in inside:
            if any(not _is_ours(name) for name in inside):
                raise IXGSError(f"{name}: holds other files, expected a new or empty folder; choose another --out")
            return False
        if not self.resume:
            raise IXGSError(f"{name}: holds an unfinished run; continue it with --resume or choose another --out")
        self._compare(read_record(name / RUN))
        return True

    def _compare(self, stored: dict[str, Any]) -> None:
        different = [key for key in COMPARED if stored.get(key) != self.run.get(key)]
        if different:
            raise IXGSError(
                f"{self.path}: the unfinished run there differs in {', '.join(different)}, expected the same "
                "for --resume; use the same X-rays and options, or choose another --out"
            )

    def _create(self) -> None:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                self.created.append(folder)
        except OSError as error:
            raise IXGSError(
                f"{self.path}: cannot be created ({error.strerror}); choose another --out with write permission"
            ) from error

    def _remove(self) -> None:
        """Remove what this run wrote and the folders that it created; other files stay."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(self.path / STANDARDIZED, ignore_errors=True)
        self._sweep()
        for name in (RUN, LOG, DONE, *OUTPUTS, PREVIEW, LOCK):
            (self.path / name).unlink(missing_ok=True)
        self._remove_created()

    def _remove_created(self) -> None:
        while self.created and not any(self.created[-1].iterdir()):
            self.created.pop().rmdir()

    def _sweep(self) -> None:
        """Remove the temporary files of an interrupted write."""
        for name in (RUN, DONE, *OUTPUTS, PREVIEW):
            for file in self.path.glob(f".{name}.*.tmp"):
                file.unlink(missing_ok=True)
        for folder in self.path.glob(f".{STANDARDIZED}.*.tmp"):
            shutil.rmtree(folder, ignore_errors=True)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomically(self.path / name, (text + "\n").encode())


def _is_ours(name: str) -> bool:
    """Whether a file is a lock, or was left by a run that ended while it wrote its first files."""
    return name == LOCK or (name.startswith((f".{LOCK}.", f".{RUN}.")) and name.endswith(".tmp"))
