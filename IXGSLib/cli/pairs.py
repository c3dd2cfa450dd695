"""`ixgs pairs`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..messages import RESEARCH_ONLY, collect_warnings
from ..runs.events import Reporter
from ..runs.lock import Lock
from ..training.pair_settings import PairSettings
from .displays import display, tell


@dataclass(frozen=True)
class Pairs:
    """Make training pairs of a realistic X-ray and its clean target from CTs."""

    cts: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="CT...")]
    """CTs in HU: .nrrd, .mha, .nii or .nii.gz files, or folders with one DICOM series."""
    out: Path
    """Folder for the pairs: new, empty, or with pairs of the same options, which are completed."""
    settings: Annotated[PairSettings, tyro.conf.arg(name="")] = field(default_factory=PairSettings)
    jobs: int | None = None
    """Number of processes; by default as many as cores."""
    json: bool = False
    """Report progress on standard output as one JSON object per line."""

    def run(self) -> None:
        folder = self.out.absolute()
        lock = Lock(folder.parent / f".{folder.name}.lock")
        with Reporter(display(self.json)) as reporter:
            lock.acquire()
            try:
                self._make(folder, reporter)
            finally:
                lock.release()
        if not self.json:
            total = len(self.cts) * self.settings.count
            tell(f"{folder}: {total} pairs, manifest.json\n{RESEARCH_ONLY}")

    def _make(self, folder: Path, reporter: Reporter) -> None:
        from ..training.pair_making import make_pairs

        total = len(self.cts) * self.settings.count
        start, first = time.monotonic(), 0
        with collect_warnings() as messages:
            for number, done in enumerate(make_pairs(list(self.cts), folder, self.settings, self.jobs)):
                for message in messages:
                    reporter.warn(message)
                first = done if number == 0 else first
                seconds = time.monotonic() - start
                remaining = seconds / (done - first) * (total - done) if done > first else None
                reporter.report("progress", stage="pairs", step=done, steps=total, seconds=seconds, remaining=remaining)
        reporter.report("done", pairs=total, made=total - first, seconds=time.monotonic() - start)
