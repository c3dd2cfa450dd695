"""`ixgs train-standardizer`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ..messages import RESEARCH_ONLY, collect_warnings
from ..runs.events import Reporter
from ..runs.lock import Lock
from ..runs.stopping import stop_asked
from ..training.settings import TrainingSettings
from .displays import display, tell


@dataclass(frozen=True)
class TrainStandardizer:
    """Train the network that standardises X-rays to bone-enhanced radiographs, on pairs of `ixgs pairs`.

    An interrupted training in --out continues from its checkpoint. On several GPUs: torchrun --nproc-per-node N -m
    IXGSLib train-standardizer PAIRS --out DIR. Files written: training.json, checkpoint.safetensors, log.csv, a page of
    images per epoch in epochs/, and weights.safetensors.
    """

    pairs: Annotated[Path, tyro.conf.Positional]
    """Folder made by `ixgs pairs`."""
    out: Path
    """Folder for the training: new, empty, or with a training of the same options, which is continued."""
    held_out: tuple[str, ...] = ()
    """Patients that are used for validation only, given by the first digits of the names of their pairs."""
    start: Path | None = None
    """Weights to fine-tune instead of starting from random ones, such as those that come with IXGS."""
    settings: Annotated[TrainingSettings, tyro.conf.arg(name="")] = field(default_factory=TrainingSettings)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto uses a GPU where there is one."""
    json: bool = False
    """Report progress on standard output as one JSON object per line."""

    def run(self) -> None:
        out = self.out.absolute()
        leads = os.environ.get("RANK", "0") == "0"
        lock = Lock(out.parent / f".{out.name}.lock")
        with Reporter(display(self.json)) as reporter:
            if leads:
                lock.acquire()
            try:
                weights = self._train(out, reporter)
            finally:
                if leads:
                    lock.release()
        if leads and not self.json:
            tell(f"{weights}\n{RESEARCH_ONLY}")

    def _train(self, out: Path, reporter: Reporter) -> Path:
        from ..training.loop import TrainingProgress, train
        from ..training.pair_format import open_pairs
        from ..training.request import TrainingRequest

        def report_progress(progress: TrainingProgress) -> None:
            for message in messages:
                reporter.warn(message)
            scores = progress.scores.as_dict() if progress.scores else {}
            reporter.report(
                "progress",
                stage=f"training, epoch {progress.epoch}",
                step=progress.step,
                steps=progress.steps,
                seconds=progress.seconds,
                remaining=progress.remaining,
                loss=progress.l1,
                held_out_psnr=scores.get("psnr"),
                held_out_l1=scores.get("l1"),
                held_out_ssim=scores.get("ssim"),
            )

        with collect_warnings() as messages:
            pairs = open_pairs(self.pairs)
            request = TrainingRequest(pairs, out, self.settings, self.held_out, self.device, self.start)
            weights = train(request, report_progress, stop_asked)
        reporter.report("done", weights=str(weights))
        return weights
