"""`ixgs evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..errors import SettingsError
from ..messages import RESEARCH_ONLY, collect_warnings, unique
from ..runs.records import checked_output, read_done
from .displays import say, tell
from .tables import print_metrics

if TYPE_CHECKING:
    from ..evaluation.reference import Metrics, Reference


@dataclass(frozen=True)
class Evaluate:
    """Compare a finished run with the ground truth; prints the metrics and writes no file."""

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The folder of a finished run."""
    truth: Path | None = None
    """True volume (.nrrd)."""
    test: Path | None = None
    """test.json with X-rays that the run did not use."""
    json: bool = False
    """Print the metrics as JSON."""

    def run(self) -> None:
        if self.truth is None and self.test is None:
            raise SettingsError("nothing to compare with, expected --truth volume.nrrd, --test test.json or both")
        from ..evaluation.reference import Reference

        with collect_warnings() as messages:
            metrics, notes = self._metrics(Reference.load(self.truth, self.test))
        for message in unique(messages, notes):
            say(f"warning: {message}")
        if self.json:
            from json import dumps

            tell(dumps(metrics))
        else:
            print_metrics(metrics)
            tell(RESEARCH_ONLY)

    def _metrics(self, reference: Reference) -> tuple[Metrics, tuple[str, ...]]:
        from ..gaussians.ply import load_ply
        from ..volume import Volume

        done = read_done(self.run_folder)
        volume = Volume.load(checked_output(self.run_folder / "volume.nrrd", done))
        cloud = load_ply(checked_output(self.run_folder / "gaussians.ply", done))
        return reference.metrics(volume, reference.renders(cloud))
