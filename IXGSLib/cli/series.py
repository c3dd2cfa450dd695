"""`ixgs series`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..training.series_settings import SeriesSettings
from .making import make_in_folder


@dataclass(frozen=True)
class Series:
    """Make series of realistic X-rays of one region and the bone in it from CTs, for training."""

    cts: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="CT...")]
    """CTs in HU: .nrrd, .mha, .nii or .nii.gz files, or folders with one DICOM series."""
    out: Path
    """Folder for the series: new, empty, or with series of the same options, which are completed."""
    settings: Annotated[SeriesSettings, tyro.conf.arg(name="")] = field(default_factory=SeriesSettings)
    jobs: int | None = None
    """Number of processes; by default as many as cores."""
    json: bool = False
    """Report progress on standard output as one JSON object per line."""

    def run(self) -> None:
        total = len(self.cts) * self.settings.count
        make_in_folder(self.out, "series", total, self.json, self._make)

    def _make(self, folder: Path) -> Iterator[int]:
        from ..training.making import make_series

        yield from make_series(list(self.cts), folder, self.settings, self.jobs)
