"""`ixgs train-prior`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ..messages import RESEARCH_ONLY, collect_warnings
from ..runs.events import Reporter
from ..runs.lock import Lock
from ..runs.stopping import stop_asked
from ..training.prior_settings import PriorTrainingSettings
from .displays import display, tell


@dataclass(frozen=True)
class TrainPrior:
    """Train the network that estimates bone in 3D from all X-rays of a patient, on series of `ixgs series`.

    An interrupted training in --out continues from its checkpoint. Files written: training.json,
    checkpoint.safetensors, log.csv and weights.safetensors.
    """

    series: Annotated[Path, tyro.conf.Positional]
    """Folder made by `ixgs series`."""
    out: Path
    """Folder for the training: new, empty, or with a training of the same options, which is continued."""
    held_out: tuple[str, ...] = ()
    """Patients that are used for validation only, given by the first digits of the names of their series."""
    start: Path | None = None
    """Weights to start from instead of random ones, such as those that come with IXGS."""
    settings: Annotated[PriorTrainingSettings, tyro.conf.arg(name="")] = field(default_factory=PriorTrainingSettings)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto uses a GPU where there is one."""
    json: bool = False
    """Report progress on standard output as one JSON object per line."""

    def run(self) -> None:
        out = self.out.absolute()
        lock = Lock(out.parent / f".{out.name}.lock")
        with Reporter(display(self.json)) as reporter:
            lock.acquire()
            try:
                weights = self._train(out, reporter)
            finally:
                lock.release()
        if not self.json:
            tell(f"{weights}\n{RESEARCH_ONLY}")

    def _train(self, out: Path, reporter: Reporter) -> Path:
        from ..training.prior_loop import PriorProgress, PriorRequest, train_prior
        from ..training.series_format import open_series

        def report_progress(progress: PriorProgress) -> None:
            for message in messages:
                reporter.warn(message)
            scores = progress.scores
            reporter.report(
                "progress",
                stage="training",
                step=progress.step,
                steps=progress.steps,
                seconds=progress.seconds,
                remaining=progress.remaining,
                loss=progress.loss,
                held_out_psnr=scores.psnr if scores else None,
                held_out_dice=scores.dice if scores else None,
            )

        with collect_warnings() as messages:
            series = open_series(self.series)
            request = PriorRequest(series, out, self.settings, self.held_out, self.start, self.device)
            weights = train_prior(request, report_progress, stop_asked)
        reporter.report("done", weights=str(weights))
        return weights
