"""The plan of a study: its subjects, its factors and the runs that follow from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import check_range, check_whole
from ..errors import SettingsError
from .c_arms import MODELS, CArmModel
from .condition import OF_SIMULATION, Condition, check_name

MAX_RUNS, MAX_DRAWS = 1_000_000, 100_000
MAX_NUMBER = 1e9
"""Largest number of a range and largest coordinate in mm."""


VERSE_LEVELS = (
    *((n, f"C{n}") for n in range(1, 8)),
    *((n + 7, f"T{n}") for n in range(1, 13)),
    *((n + 19, f"L{n}") for n in range(1, 7)),
)
"""Labels of vertebrae and their names (Sekuboyina et al., Med. Image Anal. 73 (2021))."""


@dataclass(frozen=True)
class Subject:
    """Whom or what runs are about: a CT to simulate X-rays of, or a case of X-rays that exist.

    center: isocentre and centre of the region in a CT, LPS mm; None: the middle of its spine. truth, test: the true
    volume and the unseen X-rays of a case; by default truth.nrrd and test.json beside its case.json, if they exist.
    labels: the vertebrae of a CT as an image of whole numbers, for task metrics. levels: the names of the labels,
    cranial ones first; by default those of VerSe: 8 to 19 for T1 to T12, 20 to 25 for L1 to L6. patient: who it is;
    intervals treat subjects of one patient as one.
    """

    name: str
    ct: Path | None = None
    case: Path | None = None
    center: tuple[float, float, float] | None = None
    truth: Path | None = None
    test: Path | None = None
    labels: Path | None = None
    levels: tuple[tuple[int, str], ...] = VERSE_LEVELS
    patient: str = ""

    def __post_init__(self) -> None:
        if (self.ct is None) == (self.case is None):
            raise SettingsError(f"subject '{self.name}': expected either a ct or a case; give one of them")
        for what, path in (("ct", self.ct), ("case", self.case), ("truth", self.truth), ("labels", self.labels)):
            if path is not None and not exists(path):
                raise SettingsError(f"subject '{self.name}': {what} {path} does not exist; correct the path")
        for value in self.center or ():
            check_range(f"subject '{self.name}': center", value, -MAX_NUMBER, MAX_NUMBER, "mm")


def exists(path: Path) -> bool:
    """Whether there is a file or a folder; not for a name that the file system cannot have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Draws:
    """Conditions drawn at random, evenly over all ranges by a Latin hypercube.

    ranges: the smallest and the largest value by setting; whole numbers are drawn where both are whole. choices: the
    values to choose from, by setting. Each draw has its own seed unless `seed` is drawn itself.
    """

    count: int = 0
    seed: int = 0
    ranges: tuple[tuple[str, tuple[float, float]], ...] = ()
    choices: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def __post_init__(self) -> None:
        check_whole("draws.count", self.count, 0, MAX_DRAWS)
        check_whole("draws.seed", self.seed, 0, 2**63)
        for name, (low, high) in self.ranges:
            for end in (low, high):
                check_range(f"draws.ranges.{name}", end, -MAX_NUMBER, MAX_NUMBER)
            if not low <= high:
                raise SettingsError(f"draws.ranges.{name} is {low} to {high}, expected the smaller value first")

    def conditions(self) -> list[dict[str, Any]]:
        """Values by setting, one dictionary for each draw."""
        from scipy.stats import qmc

        names = [name for name, _ in (*self.ranges, *self.choices)]
        if not self.count or not names:
            return []
        cube = qmc.LatinHypercube(len(names), rng=np.random.default_rng(self.seed)).random(self.count)
        drawn = [{"seed": self.seed + number} for number in range(self.count)]
        for column, (name, (low, high)) in enumerate(self.ranges):
            whole = isinstance(low, int) and isinstance(high, int)
            for values, share in zip(drawn, cube[:, column], strict=True):
                values[name] = int(low + share * (high - low + 1)) if whole else round(low + share * (high - low), 6)
        for column, (name, options) in enumerate(self.choices, len(self.ranges)):
            for values, share in zip(drawn, cube[:, column], strict=True):
                values[name] = options[int(share * len(options))]
        return drawn


@dataclass(frozen=True)
class Analysis:
    """What the page of a study shows.

    metric: by which runs are compared and the worst are found. curve: the factor along the horizontal axis of the
    curves. compare: the factor whose levels are compared in pairs. reference: the level that the others are compared
    with; by default the first. min_dice, max_distance: bone overlap below which and surface distance in mm above which
    a run counts as a hard case.
    """

    metric: str = "bone_dice"
    curve: str = ""
    compare: str = ""
    reference: Any = None
    min_dice: float = 0.5
    max_distance: float = 3.0

    def __post_init__(self) -> None:
        check_range("analysis.min_dice", self.min_dice, 0, 1)
        check_range("analysis.max_distance", self.max_distance, 0, 1000, "mm")


@dataclass(frozen=True)
class StudyRun:
    """One run of a study: a subject in a condition, taken by a C-arm."""

    subject: Subject
    condition: Condition
    c_arm: CArmModel


@dataclass(frozen=True)
class Plan:
    """What a study computes.

    settings: those that all runs share. factors: the levels of each factor; their product is run. conditions: listed
    combinations, each of which is combined with that product. draws: further conditions at random.
    repair: favourable values by setting: each hard case is computed again with one of its settings at a time replaced
    by them, which shows its cause. c_arms: models beside those that IXGS comes with.
    Raises SettingsError for a plan that cannot be carried out.
    """

    name: str
    subjects: tuple[Subject, ...]
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    conditions: tuple[Mapping[str, Any], ...] = ()
    draws: Draws = Draws()
    repair: Mapping[str, Any] = field(default_factory=dict)
    c_arms: Mapping[str, CArmModel] = field(default_factory=dict)
    analysis: Analysis = Analysis()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise SettingsError("the study has no name; give it one")
        if not self.subjects:
            raise SettingsError("the study has no subjects; give at least one CT or case under subjects")
        names = [subject.name for subject in self.subjects]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsError(f"more than one subject is named {', '.join(twice)}; names must differ")
        for name in (*self.settings, *self.varied, *self.repair):
            if "." not in name:
                check_name(name)
        for name, levels in self.factors.items():
            if not levels:
                raise SettingsError(f"factor '{name}' has no levels; list some or remove it")
            if any(levels.count(level) > 1 for level in levels):
                raise SettingsError(f"factor '{name}' lists a level twice: {list(levels)}; keep each once")
        self._check_analysis()
        count = len(self.subjects) * (self._product_size() + self.draws.count)
        if count > MAX_RUNS:
            raise SettingsError(f"the plan has {count} runs, expected at most {MAX_RUNS}; leave out some levels")

    @property
    def varied(self) -> tuple[str, ...]:
        """The settings that differ between runs, in the order of the plan."""
        listed = [name for condition in self.conditions for name in condition]
        drawn = [name for name, _ in (*self.draws.ranges, *self.draws.choices)]
        return tuple(dict.fromkeys([*self.factors, *listed, *drawn]))

    def runs(self) -> list[StudyRun]:
        """All runs, those of one condition in a row, so that an interrupted study covers all subjects.

        Raises SettingsError for a condition that cannot be run.
        """
        found: dict[StudyRun, None] = {}
        for condition in self._conditions():
            for subject in self.subjects:
                check_fits(subject, condition)
                found[StudyRun(subject, condition, self.c_arm(condition))] = None
        return list(found)

    def c_arm(self, condition: Condition) -> CArmModel:
        """The C-arm of a condition, with its detector pixels; raises SettingsError for an unknown name."""
        models = {**MODELS, **self.c_arms}
        if condition.c_arm not in models:
            raise SettingsError(
                f"c_arm is '{condition.c_arm}', expected one of {', '.join(models)}, or add it to c_arms"
            )
        return models[condition.c_arm].with_pixels(condition.pixels)

    def with_subjects(self, subjects: tuple[Subject, ...]) -> Plan:
        return replace(self, subjects=subjects)

    def _conditions(self) -> Iterator[Condition]:
        names = list(self.factors)
        for listed in self._listed:
            for levels in itertools.product(*self.factors.values()):
                yield self._condition({**dict(zip(names, levels, strict=True)), **listed})
        for drawn in self.draws.conditions():
            yield self._condition(drawn)

    def _condition(self, values: Mapping[str, Any]) -> Condition:
        try:
            return Condition.from_dict({**self.settings, **values})
        except SettingsError as error:
            where = ", ".join(f"{name} {value}" for name, value in values.items())
            raise SettingsError(f"{where}: {error}" if where else str(error)) from error

    @property
    def _listed(self) -> tuple[Mapping[str, Any], ...]:
        """The combinations that the product of the factors is combined with: none for a plan of draws alone."""
        alone = self.draws.count and not self.factors
        return self.conditions or (() if alone else ({},))

    def _product_size(self) -> int:
        return len(self._listed) * math.prod(len(levels) for levels in self.factors.values())

    def _check_analysis(self) -> None:
        for role in ("curve", "compare"):
            name = getattr(self.analysis, role)
            if name and name not in self.varied:
                raise SettingsError(
                    f"analysis.{role} is '{name}', expected one of the factors {', '.join(self.varied) or '(none)'}"
                )
        levels = self.factors.get(self.analysis.compare, ())
        if self.analysis.reference is not None and levels and self.analysis.reference not in levels:
            raise SettingsError(
                f"analysis.reference is {self.analysis.reference!r}, expected one of the levels {list(levels)} of "
                f"'{self.analysis.compare}'"
            )


def check_fits(subject: Subject, condition: Condition) -> None:
    """Raises SettingsError for a condition in which a subject cannot be reconstructed."""
    who = f"subject '{subject.name}'"
    if condition.initialization == "fdk" and subject.ct is not None and condition.trajectory != "circular":
        raise SettingsError(
            f"{who}: initialization 'fdk' with trajectory '{condition.trajectory}', expected 'circular'; list such "
            "combinations under conditions instead of factors"
        )
    if subject.case is None:
        return
    standard = Condition()
    for name in OF_SIMULATION:
        if getattr(condition, name) != getattr(standard, name):
            raise SettingsError(
                f"{who} is a case, whose X-rays exist, but the plan sets {name} to {getattr(condition, name)!r}; give "
                "the CT of this subject, or leave the setting out"
            )
