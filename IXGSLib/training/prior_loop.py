"""Training of the network that estimates bone from all X-rays."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import Cancelled, FormatError, SettingsError
from ..prior.channels import ATTENUATION_UNIT, BONE_LEVEL
from ..prior.network import BoneNetwork
from ..prior.weights import BoneWeights, load_bone_weights, save_bone_weights
from ..psnr import psnr
from .checkpoint import load_checkpoint, save_checkpoint
from .folder import TrainingFolder
from .log import TrainingLog
from .prior_losses import PriorLosses, prior_losses
from .prior_samples import Sample, samples
from .prior_settings import PriorTrainingSettings
from .processes import together
from .series_format import SeriesFolder
from .validation import spread

COLUMNS = (
    "step",
    "seconds",
    "rate",
    "squared",
    "overlap",
    "edges",
    "lesions",
    "contrast",
    "doubt",
    "dice",
    "volume_psnr",
)
"""Columns of log.csv: means of the training losses, or the scores of held-out patients."""
WEIGHT_DECAY = 1e-4
NORMALIZATION_SERIES, MIN_DEVIATION = 24, 0.05
"""Series from which the moments of the channels are taken, and the smallest standard deviation."""
MAX_GRADIENT, MAX_DOUBT_GRADIENT = 1.0, 0.1
"""Norms to which the gradients of the network and of its head of doubt are clipped, each by itself."""


@dataclass(frozen=True)
class PriorRequest:
    """A training to run.

    out: folder for everything that is written. held_out: beginnings of the names of patients to validate on.
    start: weights to start from instead of random ones; their patients count as trained on.
    """

    series: SeriesFolder
    out: Path
    settings: PriorTrainingSettings
    held_out: tuple[str, ...] = ()
    start: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"


@dataclass(frozen=True)
class PriorScores:
    """Means over series of held-out patients, all their X-rays: overlap of bone (Dice), and PSNR in dB."""

    dice: float
    psnr: float


@dataclass(frozen=True)
class PriorProgress:
    """How far a training is: `step` of `steps` are done; scores where there are new ones."""

    step: int
    steps: int
    seconds: float
    remaining: float
    loss: float | None = None
    scores: PriorScores | None = None


@dataclass
class _Course:
    """The state of a training apart from the network. best: Dice of the weights that were kept."""

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    scores: dict[str, float] = field(default_factory=dict)


def train_prior(
    request: PriorRequest,
    on_progress: Callable[[PriorProgress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Train on series and return the weights file: the best on held-out patients, otherwise the last.

    request.out becomes a `TrainingFolder`. A checkpoint in it is continued to the same numbers as without the
    interruption. Raises SettingsError for settings that do not fit the series or the weights to start from, what
    `load_bone_weights` raises, and Cancelled.
    """
    with together(request.device) as processes:
        return _Training(request, processes.device).run(on_progress, cancelled)


class _Training:
    def __init__(self, request: PriorRequest, device: torch.device) -> None:
        self.settings, self.device = request.settings, device
        self.training, self.validation = request.series.split(request.held_out)
        _check(self.training, self.settings)
        start = None if request.start is None else _start(request, self.validation)
        self.folder = TrainingFolder(request.out, _about(request, self.training, self.validation, start))
        self.network = start.network.requires_grad_(True).train() if start else _new(self.settings, self.training)
        self.network.to(device)
        self.average = copy.deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=WEIGHT_DECAY)
        self.course = _Course()
        self._resume()

    def run(self, on_progress: Callable[[PriorProgress], None], cancelled: Callable[[], bool]) -> Path:
        course, settings, first = self.course, self.settings, self.course.step
        if course.step >= settings.steps:
            return self.folder.weights
        log = TrainingLog(self.folder.path, course.step, False, COLUMNS)
        begin, earlier, recent = time.monotonic(), course.seconds, []
        for sample in samples(self.training, settings, first):
            recent.append(self._step(sample).numbers())
            course.step += 1
            elapsed = time.monotonic() - begin
            course.seconds = earlier + elapsed
            loss = None
            if course.step % settings.log_every == 0 or course.step == settings.steps:
                loss = self._log(log, recent)
                recent = []
            scores = self._save(log) if self._is_due() else None
            remaining = elapsed / (course.step - first) * (settings.steps - course.step)
            on_progress(PriorProgress(course.step, settings.steps, course.seconds, remaining, loss, scores))
            if cancelled():
                self._checkpoint()
                raise Cancelled("the training was cancelled; the same command continues it")
        return self.folder.weights

    def _tensor(self, values: np.ndarray) -> Tensor:
        """A batch of one."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)[None]

    def _step(self, sample: Sample) -> PriorLosses:
        channels, bone, lesions = map(self._tensor, (sample.channels, sample.bone, sample.lesions))
        with torch.autocast(self.device.type, torch.bfloat16):
            found = self.network(channels)
        losses = prior_losses(found, bone, lesions)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(self.course.step)
        self.optimizer.zero_grad()
        losses.total.backward()
        doubt = list(self.network.doubt.parameters())
        others = [each for name, each in self.network.named_parameters() if not name.startswith("doubt.")]
        nn.utils.clip_grad_norm_(others, MAX_GRADIENT, error_if_nonfinite=True)
        nn.utils.clip_grad_norm_(doubt, MAX_DOUBT_GRADIENT, error_if_nonfinite=True)
        self.optimizer.step()
        self._average()
        return losses

    @torch.no_grad()
    def _average(self) -> None:
        """Update the moving average, whose decay grows at first so that the initial weights are soon forgotten."""
        kept = min(self.settings.averaging, (1 + self.course.step) / (20 + self.course.step))
        for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value, 1 - kept)

    def _log(self, log: TrainingLog, recent: list[dict[str, float]]) -> float:
        means = {name: float(np.mean([each[name] for each in recent])) for name in recent[0]}
        row = {name: value for name, value in means.items() if name in COLUMNS}
        course = self.course
        log.add(step=course.step, seconds=course.seconds, rate=self.settings.rate_at(course.step - 1), **row)
        return means["squared"]

    def _is_due(self) -> bool:
        return self.course.step % self.settings.checkpoint_every == 0 or self.course.step == self.settings.steps

    def _save(self, log: TrainingLog) -> PriorScores | None:
        """Validate, keep the weights if they are the best, and save a checkpoint."""
        scores = self._validate()
        if scores is not None:
            log.add(step=self.course.step, seconds=self.course.seconds, dice=scores.dice, volume_psnr=scores.psnr)
        if scores is None or scores.dice > self.course.best:
            self.course.best = scores.dice if scores else self.course.best
            self.course.scores = asdict(scores) if scores else {}
            content = {**self.folder.about, "step": self.course.step, "scores": self.course.scores}
            save_bone_weights(self.folder.weights, content, self.average)
        self._checkpoint()
        return scores

    def _validate(self) -> PriorScores | None:
        names = spread(self.validation.names, self.settings.validation_series)
        if not names:
            return None
        rows = [self._scores(name) for name in names]
        return PriorScores(*(float(np.mean(each)) for each in zip(*rows, strict=True)))

    @torch.no_grad()
    def _scores(self, name: str) -> tuple[float, float]:
        series = self.validation.load(name)
        channels, truth = (part.astype(np.float32) for part in (series.channels[:1], series.bone))
        with torch.autocast(self.device.type, torch.bfloat16):
            found = self.average(torch.from_numpy(channels).to(self.device))
        made = found.bone[0].cpu().numpy().clip(0) * ATTENUATION_UNIT
        level = BONE_LEVEL * ATTENUATION_UNIT
        inside, bone = made > level, truth > level
        return 2 * (inside & bone).sum() / max(inside.sum() + bone.sum(), 1), psnr(made, truth)

    def _checkpoint(self) -> None:
        tensors = {f"network.{name}": each for name, each in self.network.state_dict().items()}
        tensors |= {f"average.{name}": each for name, each in self.average.state_dict().items()}
        for key, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{key}.{name}": value for name, value in moments.items()}
        save_checkpoint(self.folder.path, tensors, {"key": self.folder.key, "course": asdict(self.course)})

    def _resume(self) -> None:
        self.folder.prepare(self.device)
        found = load_checkpoint(self.folder.path, self.folder.key)
        if found is None:
            return
        tensors, state = found
        moments: dict[int, dict[str, Tensor]] = {}
        try:
            for name, network in (("network", self.network), ("average", self.average)):
                network.load_state_dict({key: tensors[f"{name}.{key}"] for key in network.state_dict()})
            for key in tensors:
                kind, _, rest = key.partition(".")
                if kind == "adam":
                    number, _, name = rest.partition(".")
                    moments.setdefault(int(number), {})[name] = tensors[key]
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        except (RuntimeError, KeyError, ValueError) as error:
            raise FormatError(f"the checkpoint is not of a network like this ({error}); use a new --out") from error
        self.course = _Course(**state["course"])


def _new(settings: PriorTrainingSettings, training: SeriesFolder) -> BoneNetwork:
    """A network with random weights, and the moments of the channels of up to NORMALIZATION_SERIES series."""
    torch.manual_seed(settings.seed)
    network = BoneNetwork(settings.network())
    drawn = [training.load(name).channels.astype(np.float32) for name in spread(training.names, NORMALIZATION_SERIES)]
    values = np.concatenate(drawn).swapaxes(0, 1).reshape(drawn[0].shape[1], -1)
    network.mean.copy_(torch.from_numpy(values.mean(axis=1)))
    network.deviation.copy_(torch.from_numpy(values.std(axis=1)).clamp(min=MIN_DEVIATION))
    return network


def _check(training: SeriesFolder, settings: PriorTrainingSettings) -> None:
    series = training.settings
    if settings.spacing != series.spacing:
        raise SettingsError(
            f"spacing is {settings.spacing:g} mm, but that of the series is {series.spacing:g}; give --spacing "
            f"{series.spacing:g}"
        )
    if settings.pixels != training.pixels:
        raise SettingsError(
            f"pixels is {settings.pixels}, but the images of the series have {training.pixels} along each side; give "
            f"--pixels {training.pixels}"
        )
    if settings.patch > series.voxels:
        raise SettingsError(
            f"patch is {settings.patch} voxels, the regions of the series have {series.voxels}; choose a smaller one"
        )


def _start(request: PriorRequest, validation: SeriesFolder) -> BoneWeights:
    """The weights to start from; raises SettingsError for another network and for a held-out patient among theirs."""
    assert request.start is not None
    weights = load_bone_weights(request.start)
    if weights.network.settings != request.settings.network():
        raise SettingsError(f"{request.start.name}: weights of another network; give the settings in its header")
    known = sorted(set(weights.about.get("patients", ())) & set(validation.patients))
    if known:
        raise SettingsError(
            f"{request.start.name}: trained on the held-out patient {', '.join(known)}, expected weights that have "
            "not seen it; hold out others"
        )
    return weights


def _about(
    request: PriorRequest, training: SeriesFolder, validation: SeriesFolder, start: BoneWeights | None
) -> dict[str, Any]:
    """Everything that the trained weights depend on, as JSON."""
    known = start.about.get("patients", ()) if start else ()
    content = {
        "network": request.settings.network().as_dict(),
        "settings": request.settings.about(),
        "standardizer": training.standardizer,
        "series": {
            "sha256": training.digest,
            "count": len(training.names),
            "views": training.settings.views,
            "lesions": training.settings.lesions,
        },
        "patients": sorted({*training.patients, *known}),
        "held_out": list(validation.patients),
    }
    if start is not None:
        recorded = ("sha256", "step", "series", "patients", "start")
        content["start"] = {name: start.about[name] for name in recorded if name in start.about}
    return content
