"""`ixgs reconstruct`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..formats.case_source import CaseOptions
from ..messages import RESEARCH_ONLY
from ..runs.events import Reporter
from ..runs.request import RunRequest
from ..runs.stopping import stop_at_end_of_input
from .displays import display, tell
from .tables import print_metrics


@dataclass(frozen=True)
class Reconstruct(RunRequest):
    """Turn the X-rays of a case into a volume.

    Writes OUT/run.json (settings, versions, hashes), volume.nrrd (attenuation, 1/mm), confidence.nrrd and
    expected_error.nrrd (of each voxel), prior_share.nrrd (where a learnt prior decided), gaussians.ply, bone.stl,
    report.html and, last, done.json (metrics, durations).
    Research use only. Not a medical device.
    """

    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)
    json: bool = False
    """Report progress on standard output as one JSON object per line."""
    stop_on_eof: bool = False
    """Stop when standard input ends, so that the program that started this one can cancel it."""

    def run(self) -> None:
        from ..evaluation.confidence.summary import summary_of
        from ..runs.execution import execute

        if self.stop_on_eof:
            stop_at_end_of_input()
        with Reporter(display(self.json)) as reporter:
            outcome = execute(self, reporter)
        if not self.json:
            print_metrics(outcome.metrics)
            if outcome.confidence is not None:
                tell(summary_of(outcome.confidence).sentence)
            if outcome.prior is not None:
                tell(outcome.prior.sentence)
            tell(f"{outcome.trust.sentence}\n{self.out / 'report.html'}\n{RESEARCH_ONLY}")
