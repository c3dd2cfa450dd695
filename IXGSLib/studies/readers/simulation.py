"""Ratings simulated from a stated model, to show an analysis whose answer is known. They are not those of readers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...checks import check_range, check_ranges
from ...errors import IXGSError, SettingsError
from ...evaluation.labels import lower_is_better
from ...files import write_atomically
from ...version import __version__
from .agreement import icc
from .key import Key
from .ratings import CATEGORIES, QUESTIONS

READER = "SIMULATED-{number}"
TIME = "2000-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class RatingModel:
    """Rating = middle + slope x quality + reader + reading + occasion, rounded and limited to 1 to 5.

    quality: the metric in standard deviations over the runs, its sign changed where lower is better. The other three
    are normal: one draw for each reader, each reader and run, each reader and showing. Every question has draws of its
    own. Raises SettingsError for a value out of range.
    """

    metric: str = "bone_surface_distance"
    """The metric that simulated readers follow."""
    middle: float = 3.0
    """Rating of a run of average quality."""
    slope: float = 1.0
    """Rating categories for one standard deviation of the metric."""
    reader: float = 0.3
    """Standard deviation between readers, categories."""
    reading: float = 0.5
    """Standard deviation of a reader's opinion of a run, categories."""
    occasion: float = 0.4
    """Standard deviation between two showings of the same run, categories."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
        check_range("middle", self.middle, 1.0, 5.0)
        check_range("slope", self.slope, -10.0, 10.0)
        for name in ("reader", "reading", "occasion"):
            check_range(name, getattr(self, name), 0.0, 10.0)
        check_ranges(self, {"seed": (0, 2**63)})


@dataclass(frozen=True)
class Known:
    """The agreement that a model leads to with very many runs and readers."""

    inter: float
    intra: float


def simulate_ratings(folder: Path, key: Key, model: RatingModel) -> int:
    """Write a simulated rating into every number of the sets; returns how many. Each names its model.

    Raises IXGSError where a run lacks the metric or a number has a rating already.
    """
    quality = _quality(key, model)
    names = list(key.runs)
    written = 0
    for place, (set_name, numbers) in enumerate(key.sets.items()):
        answers = simulated_answers(
            np.array([quality[run] for run in numbers.values()]),
            [names.index(run) for run in numbers.values()],
            model,
            place,
        )
        for number, given in zip(numbers, answers, strict=True):
            target = folder / set_name / number
            if not target.is_dir():
                raise IXGSError(f"{target}: no such folder, expected that of the key; give the sets of this key")
            if any(target.glob("rating*.json")):
                raise IXGSError(f"{target}: has a rating already; simulated ones are not mixed with others")
            _write(target, READER.format(number=place + 1), given, model)
            written += 1
    return written


def simulated_answers(quality: np.ndarray, runs: Sequence[int], model: RatingModel, reader: int) -> np.ndarray:
    """(n, questions) answers 1 to 5 of one simulated reader to n numbers.

    quality: of the run behind each number. runs: a whole number for each run, the same for both of its showings.
    """
    rng = np.random.default_rng([model.seed, reader])
    questions = len(QUESTIONS)
    opinion = rng.normal(size=(max(runs) + 1, questions)) * model.reading
    latent = (
        model.middle
        + model.slope * quality[:, None]
        + rng.normal(size=questions) * model.reader
        + opinion[list(runs)]
        + rng.normal(size=(len(runs), questions)) * model.occasion
    )
    return np.clip(np.rint(latent), 1, CATEGORIES).astype(int)


def known_agreement(quality: np.ndarray, model: RatingModel, readers: int = 200) -> Known:
    """The ICC(A,1) between and within readers that a model leads to for runs of this quality.

    By simulation of many readers who see every run twice, with draws other than those of any study.
    """
    runs = list(range(len(quality)))
    tables = []
    for reader in range(readers):
        answers = simulated_answers(np.tile(quality, 2), runs * 2, model, 10_000 + reader)[:, 0]
        tables.append(answers.reshape(2, -1))
    first = np.stack([table[0] for table in tables], axis=1)
    intra = icc(np.concatenate([table.T for table in tables]).astype(np.float64))
    return Known(icc(first.astype(np.float64)).value, intra.value)


def quality_of(key: Key, model: RatingModel) -> np.ndarray:
    """The quality of all runs in a model, in the order of the key."""
    return np.array(list(_quality(key, model).values()))


def _quality(key: Key, model: RatingModel) -> dict[str, float]:
    lost = [name for name, run in key.runs.items() if run.metrics.get(model.metric) is None]
    if lost:
        known = sorted({name for run in key.runs.values() for name in run.metrics})
        raise IXGSError(
            f"{len(lost)} runs have no metric '{model.metric}', expected it for each; choose one of {', '.join(known)}"
        )
    values = np.array([run.metrics[model.metric] for run in key.runs.values()], dtype=np.float64)
    if np.ptp(values) == 0:
        raise SettingsError(f"the metric '{model.metric}' is the same for all runs, expected one that varies")
    sign = -1 if lower_is_better(model.metric) else 1
    return dict(zip(key.runs, (sign * (values - values.mean()) / values.std()).tolist(), strict=True))


def _write(folder: Path, reader: str, answers: np.ndarray, model: RatingModel) -> None:
    content = {
        "format": "ixgs-rating",
        "version": 1,
        "ixgs": __version__,
        "volume": folder.name,
        "reader": reader,
        "time": TIME,
        "scale": {"1": "unusable", "5": "excellent"},
        "answers": dict(zip(QUESTIONS, answers.tolist(), strict=True)),
        "remarks": "SIMULATED from a model, not the rating of a reader.",
        "simulated": asdict(model),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / f"rating-{reader}.json", text.encode())
