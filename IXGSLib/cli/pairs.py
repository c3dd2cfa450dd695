"""`ixgs pairs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..training.pair_settings import PairSettings
from .making import make_in_folder


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
        total = len(self.cts) * self.settings.count
        make_in_folder(self.out, "pairs", total, self.json, self._make)

    def _make(self, folder: Path) -> Iterator[int]:
        from ..training.making import make_pairs

        yield from make_pairs(list(self.cts), folder, self.settings, self.jobs)
