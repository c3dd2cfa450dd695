"""Training of the network that standardises X-rays."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors import Cancelled
from ..standardization.weights import load_weights, save_weights
from .adversarial import Adversarial, Losses, rate
from .batches import Batch, Batches, load_batches
from .checkpoint import load_checkpoint, save_checkpoint
from .distribution import distribution_model
from .folder import TrainingFolder
from .log import TrainingLog
from .page import page
from .processes import Processes, together
from .request import TrainingData, TrainingRequest, training_data
from .settings import TrainingSettings
from .validation import Scores, spread, validate

PAGE_ROWS = 6
"""Pairs on the page of images of an epoch."""


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is: `step` of `steps` are done; losses and scores where there are new ones."""

    step: int
    steps: int
    epoch: int
    seconds: float
    remaining: float
    l1: float | None = None
    scores: Scores | None = None


@dataclass
class _Course:
    """The state of a training apart from the networks."""

    step: int = 0
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    stopped: bool = False


def train(
    request: TrainingRequest,
    on_progress: Callable[[TrainingProgress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Train on pairs and return the weights file: the best on held-out patients, otherwise the last.

    request.out becomes a `TrainingFolder`. A checkpoint in it is continued to exactly the same numbers as without the
    interruption. Under torchrun, all processes share the work of each step.
    Raises what `training_data` raises, SettingsError for a machine without the device or a folder of another training,
    and Cancelled.
    """
    with together(request.device) as processes:
        data = training_data(request, processes.count)
        return _Training(data, request.out, request.settings, processes).run(on_progress, cancelled)


class _Training:
    def __init__(self, data: TrainingData, out: Path, settings: TrainingSettings, processes: Processes) -> None:
        self.data, self.settings, self.processes = data, settings, processes
        self.folder = TrainingFolder(out, data.about(settings))
        self.networks = Adversarial(settings, processes)
        self.course = _Course()
        self.epoch_steps = max(1, len(data.training.names) // settings.batch)
        if data.start is not None:
            self.networks.start_from(data.start.generator)
        self._resume()

    @property
    def epoch(self) -> int:
        """The number of the epoch that the last step belongs to, from 1."""
        return max(0, self.course.step - 1) // self.epoch_steps + 1

    @property
    def is_last_step(self) -> bool:
        return self.course.step == self.settings.steps

    def run(self, on_progress: Callable[[TrainingProgress], None], cancelled: Callable[[], bool]) -> Path:
        """Train to the last step, or until held-out patients gain nothing more."""
        if not self.course.stopped and self.course.step < self.settings.steps:
            log = None
            if self.processes.leads:
                log = TrainingLog(self.folder.path, self.course.step, self.settings.tensorboard)
            try:
                self._run(log, on_progress, cancelled)
            finally:
                if log is not None:
                    log.close()
        if self.processes.leads:
            self._add_distribution_model()
        return self.folder.weights

    def _run(
        self, log: TrainingLog | None, on_progress: Callable[[TrainingProgress], None], cancelled: Callable[[], bool]
    ) -> None:
        course, start = self.course, self.course.step
        begin, earlier = time.monotonic(), self.course.seconds
        batches = load_batches(Batches(self.data.training, self.settings, self.processes), start, self.processes)
        for batch in batches:
            losses = self._step(batch)
            elapsed = time.monotonic() - begin
            course.seconds = earlier + elapsed
            scores = self._after_step(log, losses)
            if self.processes.leads:
                remaining = elapsed / (course.step - start) * (self.settings.steps - course.step)
                on_progress(self._progress(losses, scores, remaining))
            if self.processes.agreed(float(cancelled())):
                if self.processes.leads:
                    self._save()
                raise Cancelled("the training was cancelled; the same command continues it")
            if course.stopped:
                break

    def _step(self, batch: Batch) -> Losses:
        losses = self.networks.step(self.course.step, batch)
        self.course.step += 1
        return losses

    def _after_step(self, log: TrainingLog | None, losses: Losses) -> Scores | None:
        """Log the losses, end the epoch and save a checkpoint where they are due; returns new scores."""
        scores = None
        if log and self._is_logged():
            self._log_losses(log, losses)
        if self.course.step % self.epoch_steps == 0 or self.is_last_step:
            scores = self._end_epoch(log)
        due = self.course.step % self.settings.checkpoint_every == 0
        if self.processes.leads and (due or scores or self.is_last_step or self.course.stopped):
            self._save()
        return scores

    def _is_logged(self) -> bool:
        return self.course.step % self.settings.log_every == 0 or self.is_last_step

    def _progress(self, losses: Losses, scores: Scores | None, remaining: float) -> TrainingProgress:
        l1 = float(losses.l1) * self.settings.scale if self._is_logged() else None
        course = self.course
        return TrainingProgress(course.step, self.settings.steps, self.epoch, course.seconds, remaining, l1, scores)

    def _resume(self) -> None:
        if self.processes.leads:
            self.folder.prepare(self.processes.device)
        self.processes.agreed(0)
        found = load_checkpoint(self.folder.path, self.folder.key)
        if found is not None:
            tensors, state = found
            self.networks.load(tensors, state["numbers"])
            self.course = _Course(**state["course"])

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
        """Validate, draw the page and keep the weights if they are the best; all processes agree on stopping."""
        scores = None
        if log is not None:
            scores = self._validate(log)
            self._draw(scores)
            if scores is None or scores.l1 < self.course.best.get("l1", float("inf")):
                self.course.best, self.course.best_epoch = scores.as_dict() if scores else {}, self.epoch
                self._save_weights()
        epochs_since_best = self.epoch - self.course.best_epoch
        stop = bool(self.data.validation.names) and 0 < self.settings.patience <= epochs_since_best
        self.course.stopped = bool(self.processes.agreed(float(stop)))
        return scores

    def _validate(self, log: TrainingLog) -> Scores | None:
        """The scores on held-out patients, which are logged; None without held-out patients."""
        names = spread(self.data.validation.names, self.settings.validation_pairs)
        if not names:
            return None
        scores = validate(self.networks.average, self.data.validation, names, self.settings.scale)
        log.add(
            step=self.course.step,
            epoch=self.epoch,
            seconds=self.course.seconds,
            **{f"validation_{name}": value for name, value in scores.as_dict().items()},
        )
        return scores

    def _draw(self, scores: Scores | None) -> None:
        pairs = self.data.validation if self.data.validation.names else self.data.training
        title = f"epoch {self.epoch}, step {self.course.step}"
        if scores is not None:
            title += f"; held-out patients: L1 {scores.l1:.4f}, PSNR {scores.psnr:.2f} dB, SSIM {scores.ssim:.3f}"
        sheet = page(self.networks.average, pairs, spread(pairs.names, PAGE_ROWS), self.settings.scale, title)
        self.folder.save_page(self.epoch, sheet)

    def _save(self) -> None:
        tensors, numbers = self.networks.state()
        state = {"key": self.folder.key, "course": asdict(self.course), "numbers": numbers}
        save_checkpoint(self.folder.path, tensors, state)

    def _save_weights(self) -> None:
        about = {
            **self.folder.about,
            "size": self.data.training.size,
            "step": self.course.step,
            "scores": self.course.best,
        }
        save_weights(self.folder.weights, about, self.networks.average.state_dict())

    def _add_distribution_model(self) -> None:
        """Add to the weights what tells the training's images from others; once, since it takes minutes on a CPU."""
        found = load_weights(self.folder.weights)
        if found.distribution is not None:
            return
        generator = self.networks.average
        generator.load_state_dict(found.generator)
        model = distribution_model(generator, self.data.training, self.data.validation)
        save_weights(self.folder.weights, found.about, generator.state_dict(), model.tensors())
