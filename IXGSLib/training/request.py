"""What to train, on which pairs and from which weights, and whether these fit together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import SettingsError
from ..standardization.weights import Weights, load_weights
from .pair_format import PairFolder
from .settings import TrainingSettings

MIN_PAIRS = 4
UNRELATED_SETTINGS = ("workers", "log_every", "checkpoint_every", "validation_pairs", "tensorboard")
"""Settings that may change when a training is continued, since the network does not depend on them."""
SHARED_SETTINGS = ("width", "levels", "group", "scale")
"""Settings in which a training agrees with the weights that it starts from."""


@dataclass(frozen=True)
class TrainingRequest:
    """A training to run.

    out: folder for everything that is written. held_out: beginnings of the names of patients to validate on.
    start: weights that the generator starts from instead of random ones; their patients count as trained on.
    """

    pairs: PairFolder
    out: Path
    settings: TrainingSettings
    held_out: tuple[str, ...] = ()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    start: Path | None = None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The pairs to train on, those to validate on, and the weights to start from, if any."""

    training: PairFolder
    validation: PairFolder
    start: Weights | None

    def about(self, settings: TrainingSettings) -> dict[str, Any]:
        """Everything that the trained weights depend on, as JSON."""
        known = self.start.about.get("patients", ()) if self.start else ()
        about = {
            "settings": {name: value for name, value in asdict(settings).items() if name not in UNRELATED_SETTINGS},
            "pairs": {"sha256": self.training.digest, "count": len(self.training.names), "size": self.training.size},
            "patients": sorted({*self.training.patients, *known}),
            "held_out": list(self.validation.patients),
        }
        if self.start is not None:
            recorded = ("sha256", "step", "pairs", "patients", "start")
            about["start"] = {name: self.start.about[name] for name in recorded if name in self.start.about}
        return about


def training_data(request: TrainingRequest, processes: int) -> TrainingData:
    """The data of a request for a number of processes.

    Raises SettingsError for settings that do not fit the pairs, the processes or the weights to start from, and what
    `load_weights` raises.
    """
    training, validation = request.pairs.split(request.held_out)
    _check(training, request.settings, processes)
    start = None if request.start is None else _start(request.start, request.settings, validation)
    return TrainingData(training, validation, start)


def _check(training: PairFolder, settings: TrainingSettings, processes: int) -> None:
    if training.size % settings.multiple:
        raise SettingsError(
            f"the pairs have {training.size} pixels along a side, expected a multiple of {settings.multiple} for "
            f"{settings.levels} levels; choose fewer levels or make pairs of another size"
        )
    if settings.batch % processes:
        raise SettingsError(
            f"batch is {settings.batch}, expected a multiple of the {processes} processes; change --batch"
        )
    fewest = max(settings.batch, MIN_PAIRS)
    if len(training.names) < fewest:
        raise SettingsError(f"{len(training.names)} pairs to train on, expected at least {fewest}; make more pairs")


def _start(file: Path, settings: TrainingSettings, validation: PairFolder) -> Weights:
    """The weights to start from; raises SettingsError for another network and for a held-out patient among theirs."""
    weights = load_weights(file)
    for name in SHARED_SETTINGS:
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
