"""Training of the network that standardises X-rays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from .. import __version__
from ..errors import Cancelled, IXGSError, SettingsError
from ..files import sha256, write_atomically
from ..standardization.weights import Weights, load_weights, save_weights
from .adversarial import Adversarial, Losses, rate
from .batches import Batches, load_batches
from .checkpoint import load_checkpoint, save_checkpoint
from .distribution import likeness_model
from .log import TrainingLog
from .page import page
from .pairs import PairFolder
from .processes import Processes, together
from .settings import TrainingSettings
from .validation import Scores, spread, validate

UNTRAINED = ("workers", "log_every", "checkpoint_every", "validation_pairs", "tensorboard")
"""Settings that may change when a training goes on: the network does not depend on them."""
SAME = ("width", "levels", "group", "scale")
"""Settings in which a training agrees with the weights that it starts from."""
SHOWN = 6
"""Pairs on the page of pictures."""


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training is: `step` of `steps` are done; losses and scores where they are new."""

    step: int
    steps: int
    epoch: int
    seconds: float
    remaining: float | None
    l1: float | None = None
    scores: Scores | None = None


@dataclass
class _Course:
    """What is known of the course of a training beside the networks."""

    step: int = 0
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    stopped: bool = False


def train(
    pairs: PairFolder,
    out: Path,
    settings: TrainingSettings,
    held_out: tuple[str, ...] = (),
    device: Literal["auto", "cpu", "cuda"] = "auto",
    on_progress: Callable[[TrainingProgress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    start: Path | None = None,
) -> Path:
    """Train on pairs and return the file of weights in `out`, the best on held-out patients, else the last.

    In `out`: training.json (what it is made from), checkpoint.safetensors, log.csv, epochs/epoch-NNNN.png and
    weights.safetensors. Where a checkpoint is there, the training goes on from it, to the very same numbers.
    held_out: beginnings of the names of patients. Under torchrun all processes share the work of each step.
    start: weights that the generator starts from in place of random ones; its patients count as trained on.
    Raises SettingsError for settings that do not fit the pairs, the machine, the start or what is in `out`, what
    `load_weights` raises, and Cancelled.
    """
    training, validation = pairs.split(held_out)
    with together(device) as processes:
        _check(training, settings, processes)
        first = None if start is None else _started(start, settings, validation)
        return _Training(training, validation, out, settings, processes, first).run(on_progress, cancelled)


class _Training:
    def __init__(
        self,
        training: PairFolder,
        validation: PairFolder,
        out: Path,
        settings: TrainingSettings,
        processes: Processes,
        first: Weights | None,
    ) -> None:
        self.training, self.validation = training, validation
        self.out, self.settings, self.processes = out, settings, processes
        self.networks = Adversarial(settings, processes)
        self.course = _Course()
        self.about = _about(training, validation, settings, first)
        self.key = sha256(json.dumps(self.about, sort_keys=True).encode())
        self.epoch_steps = max(1, len(training.names) // settings.batch)
        if first is not None:
            self.networks.start_from(first.generator)
        self._resume()

    def run(self, on_progress: Callable[[TrainingProgress], None], cancelled: Callable[[], bool]) -> Path:
        processes, settings, course = self.processes, self.settings, self.course
        weights = self.out / "weights.safetensors"
        if course.stopped or course.step >= settings.steps:
            return weights
        log = TrainingLog(self.out, course.step, settings.tensorboard) if processes.leads else None
        began, start = time.monotonic() - course.seconds, course.step
        first = time.monotonic()
        batches = load_batches(Batches(self.training, settings, processes), start, processes)
        for pictures, targets in batches:
            losses = self.networks.step(
                course.step, pictures.to(processes.device, non_blocking=True), targets.to(processes.device)
            )
            course.step += 1
            course.seconds = time.monotonic() - began
            last = course.step == settings.steps
            remaining = (time.monotonic() - first) / (course.step - start) * (settings.steps - course.step)
            scores = None
            if log and (course.step % settings.log_every == 0 or last):
                self._log_losses(log, losses)
            if course.step % self.epoch_steps == 0 or last:
                scores = self._end_epoch(log)
            if processes.leads and (course.step % settings.checkpoint_every == 0 or scores or last or course.stopped):
                self._save()
            if processes.leads:
                shown = course.step % settings.log_every == 0 or last
                on_progress(
                    TrainingProgress(
                        course.step,
                        settings.steps,
                        self.epoch,
                        course.seconds,
                        remaining,
                        float(losses.l1) * settings.scale if shown else None,
                        scores,
                    )
                )
            if processes.agreed(float(cancelled())):
                if processes.leads:
                    self._save()
                raise Cancelled("the training was cancelled; the same command goes on with it")
            if course.stopped:
                break
        if log:
            log.close()
        return weights

    @property
    def epoch(self) -> int:
        """The number of the epoch that the last step belongs to, from 1."""
        return max(0, self.course.step - 1) // self.epoch_steps + 1

    def _resume(self) -> None:
        if self.processes.leads:
            self._prepare()
        self.processes.agreed(0)
        found = load_checkpoint(self.out, self.key)
        if found is not None:
            tensors, state = found
            self.networks.load(tensors, state["numbers"])
            self.course = _Course(**state["course"])

    def _prepare(self) -> None:
        """Make the folder and training.json, or check that the folder holds such a training."""
        file = self.out / "training.json"
        if self.out.exists() and not (self.out.is_dir() and (file.is_file() or not any(self.out.iterdir()))):
            raise IXGSError(
                f"{self.out}: holds other files, expected a new or an empty folder, or a training; choose another --out"
            )
        try:
            (self.out / "epochs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IXGSError(f"{self.out}: cannot be made ({error.strerror}); choose another --out") from error
        if not (self.out / "checkpoint.safetensors").is_file():
            machine = {"ixgs": __version__, "torch": torch.__version__, "device": str(self.processes.device)}
            content = {"format": "ixgs-training", "version": 1, **self.about, **machine}
            write_atomically(file, (json.dumps(content, indent=1) + "\n").encode())

    def _log_losses(self, log: TrainingLog, losses: Losses) -> None:
        log.add(
            step=self.course.step,
            epoch=self.epoch,
            seconds=self.course.seconds,
            rate=rate(self.settings, self.course.step - 1),
            l1=float(losses.l1) * self.settings.scale,
            adversarial=float(losses.adversarial),
            discriminator=float(losses.discriminator),
        )

    def _end_epoch(self, log: TrainingLog | None) -> Scores | None:
        """Validate, draw the page and keep the weights when they are the best; all processes agree on stopping."""
        scores = None
        if log is not None:
            names = spread(self.validation.names, self.settings.validation_pairs)
            if names:
                scores = validate(self.networks.average, self.validation, names, self.settings.scale)
                log.add(
                    step=self.course.step,
                    epoch=self.epoch,
                    seconds=self.course.seconds,
                    **{f"validation_{name}": value for name, value in scores.as_dict().items()},
                )
            self._draw(scores)
            if scores is None or scores.l1 < self.course.best.get("l1", float("inf")):
                self.course.best, self.course.best_epoch = scores.as_dict() if scores else {}, self.epoch
                self._save_weights()
        waited = self.epoch - self.course.best_epoch
        stop = bool(self.validation.names) and 0 < self.settings.patience <= waited
        self.course.stopped = bool(self.processes.agreed(float(stop)))
        return scores

    def _draw(self, scores: Scores | None) -> None:
        shown = self.validation if self.validation.names else self.training
        title = f"epoch {self.epoch}, step {self.course.step}"
        if scores is not None:
            title += f"; held-out patients: L1 {scores.l1:.4f}, PSNR {scores.psnr:.2f} dB, SSIM {scores.ssim:.3f}"
        sheet = page(self.networks.average, shown, spread(shown.names, SHOWN), self.settings.scale, title)
        write_atomically(self.out / "epochs" / f"epoch-{self.epoch:04d}.png", sheet)

    def _save(self) -> None:
        tensors, numbers = self.networks.state()
        save_checkpoint(self.out, tensors, {"key": self.key, "course": asdict(self.course), "numbers": numbers})

    def _save_weights(self) -> None:
        about = {**self.about, "size": self.training.size, "step": self.course.step, "scores": self.course.best}
        generator = self.networks.average
        model = likeness_model(generator, self.training, self.validation)
        save_weights(self.out / "weights.safetensors", about, generator.state_dict(), model.tensors())


def _started(file: Path, settings: TrainingSettings, validation: PairFolder) -> Weights:
    """The weights to start from; raises SettingsError for those of another network or that know a held-out patient."""
    weights = load_weights(file)
    for name in SAME:
        given, found = getattr(settings, name), getattr(weights.settings, name)
        if given != found:
            raise SettingsError(f"{file.name}: weights of {name} {found}, expected {given}; give --{name} {found}")
    known = sorted(set(weights.about.get("patients", ())) & set(validation.patients))
    if known:
        raise SettingsError(
            f"{file.name}: trained on the held-out patient {', '.join(known)}, expected weights that have not seen it; "
            "hold out others"
        )
    return weights


def _about(
    training: PairFolder, validation: PairFolder, settings: TrainingSettings, first: Weights | None
) -> dict[str, Any]:
    """What the weights depend on."""
    known = first.about.get("patients", ()) if first else ()
    about = {
        "settings": {name: value for name, value in asdict(settings).items() if name not in UNTRAINED},
        "pairs": {"sha256": training.digest, "count": len(training.names), "size": training.size},
        "patients": sorted({*training.patients, *known}),
        "held_out": list(validation.patients),
    }
    if first is not None:
        told = ("sha256", "step", "pairs", "patients", "start")
        about["start"] = {name: first.about[name] for name in told if name in first.about}
    return about


def _check(training: PairFolder, settings: TrainingSettings, processes: Processes) -> None:
    multiple = 2**settings.levels
    if training.size % multiple:
        raise SettingsError(
            f"the pairs have {training.size} pixels along a side, expected a multiple of {multiple} for "
            f"{settings.levels} levels; choose fewer levels or make pairs of another size"
        )
    if settings.batch % processes.count:
        raise SettingsError(
            f"batch is {settings.batch}, expected a multiple of the {processes.count} processes; change --batch"
        )
    fewest = max(settings.batch, 4)
    if len(training.names) < fewest:
        raise SettingsError(f"{len(training.names)} pairs to train on, expected at least {fewest}; make more pairs")
