"""A volume compared with the truth by what surgeons measure and plan: widths, walls, endplates and screws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import GeometryError
from ...geometry import Grid
from ...volume import Volume
from ..kappa import weighted_kappa
from . import measures as quantities
from .endplates import angle_between
from .landmarks import Vertebra, find_vertebra
from .mask import Mask
from .measures import Measure, measures, not_found, sagittal_angle
from .pedicles import Pedicle
from .places import Places, find_places
from .screws import GRADES, breach, entry, entry_error, grade, plan_screw
from .settings import TaskSettings
from .solid import Solid, solid_label, solid_volume
from .threshold import cortex_threshold

LORDOSIS = "lordosis, degrees"


@dataclass(frozen=True)
class ScrewResult:
    """A screw of one pedicle: planned in the volume, compared with that planned in the truth, judged by the label.

    entry_error: mm at the entry of the screw planned in the truth. axis_error: degrees from its axis. breach: mm, in
    the label. grade: of that breach. reason: why they are nan, if no screw could be planned.
    """

    level: str
    side: str
    entry_error: float
    axis_error: float
    breach: float
    grade: str
    reason: str = ""


@dataclass(frozen=True)
class GradedScrew:
    """A screw at a known place, graded in the label and as the volume shows it: breaches in mm.

    displacement: mm outwards from the screw planned in the label.
    """

    level: str
    side: str
    displacement: float
    true_breach: float
    seen_breach: float


@dataclass(frozen=True)
class TaskMetrics:
    """What a volume is worth for tasks at the spine.

    threshold: of bone, 1/mm. measures: one for each quantity, level and side. screws: planned in the volume. graded:
    screws at known places.
    reasons: why a level was left out, by its name. Errors that are not defined are nan, with their reason.
    """

    threshold: float
    measures: tuple[Measure, ...]
    screws: tuple[ScrewResult, ...]
    graded: tuple[GradedScrew, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def grade_kappa(self) -> float:
        """Weighted kappa of the grades that the volume shows and the true ones, over all graded screws."""
        true, seen = (
            [GRADES.index(grade(value)) for value in values]
            for values in ([g.true_breach for g in self.graded], [g.seen_breach for g in self.graded])
        )
        return weighted_kappa(true, seen, len(GRADES))

    @property
    def acceptable(self) -> float:
        """The share of pedicles whose screw, planned in the volume, has grade A or B; one without a plan has none."""
        return _share([screw.grade in ("A", "B") for screw in self.screws])

    def as_dict(self) -> dict[str, float | None]:
        """Means of the absolute errors by unique names, for JSON and tables; None where not defined.

        The share of quantities that could be measured goes with them, for errors are those of the measured ones only.
        """
        values = {
            "pedicle_width_error": self._error(quantities.PEDICLE_WIDTH),
            "canal_width_error": self._error(quantities.CANAL_WIDTH),
            "medial_wall_detected": self._error(quantities.WALL_DETECTED),
            "medial_wall_error": self._error(quantities.WALL_ERROR),
            "endplate_tilt": self._error(quantities.ENDPLATE_TILT),
            "wedge_angle_error": self._error(quantities.WEDGE),
            "lordosis_error": self._error(LORDOSIS),
            "screw_entry_error": _mean([screw.entry_error for screw in self.screws]),
            "screw_axis_error": _mean([screw.axis_error for screw in self.screws]),
            "screw_breach": _mean([screw.breach for screw in self.screws]),
            "screws_acceptable": self.acceptable,
            "screw_grade_kappa": self.grade_kappa,
            "tasks_measured": _share([np.isfinite(measure.error) for measure in self.measures]),
        }
        return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}

    def notes(self) -> tuple[str, ...]:
        """Why values are missing, one sentence each."""
        lost = [(f"{m.level} {m.side}".strip(), m.quantity.split(",")[0], m.reason) for m in self.measures if m.reason]
        lost += [(f"{s.level} {s.side}", "screw", s.reason) for s in self.screws if s.reason]
        return tuple(self.reasons.values()) + tuple(f"{where}: {what}: {why}" for where, what, why in lost)

    def _error(self, quantity: str) -> float:
        return _mean([abs(measure.error) for measure in self.measures if measure.quantity == quantity])


def compare_tasks(
    volume: Volume,
    truth: Volume,
    labels: tuple[np.ndarray, Grid],
    levels: Mapping[int, str],
    settings: TaskSettings | None = None,
) -> TaskMetrics:
    """Task metrics of a volume against the truth, at landmarks that are found by rule in a label mask.

    volume, truth: attenuation in 1/mm, on any grids. labels: whole numbers [k, j, i] and their grid. levels: the names
    of the labels of vertebrae, cranial ones first. Both volumes are measured at the same places and with one threshold.
    Raises GeometryError where no level can be measured.
    """
    settings = TaskSettings() if settings is None else settings
    measured, reasons = find_places_of(labels, levels, settings, truth.grid)
    threshold = settings.threshold or cortex_threshold(truth, [places for places, _ in measured])
    found: list[Measure] = []
    screws: list[ScrewResult] = []
    graded: list[GradedScrew] = []
    normals = {}
    for places, mask in measured:
        some, normals[places.vertebra.name] = measures(places, truth, volume, threshold, settings)
        found += some
        vertebra = places.vertebra
        solids = (
            solid_label(vertebra, mask),
            solid_volume(vertebra, truth, threshold),
            solid_volume(vertebra, volume, threshold),
        )
        for pedicle in vertebra.pedicles:
            result, shown = _screws(vertebra, pedicle, solids, settings)
            screws.append(result)
            graded += shown
    if len(measured) > 1:
        found.append(_lordosis(measured, normals))
    return TaskMetrics(threshold, tuple(found), tuple(screws), tuple(graded), reasons)


def find_places_of(
    labels: tuple[np.ndarray, Grid], levels: Mapping[int, str], settings: TaskSettings, within: Grid
) -> tuple[list[tuple[Places, Mask]], dict[str, str]]:
    """The places of the vertebrae in a label mask with their masks, and the reasons for those left out, by name.

    within: the grid of the truth, which has to contain the body and the pedicles. Raises GeometryError where none is
    left.
    """
    values, grid = labels
    bone = Mask.any_of(values, grid)
    found: list[tuple[Places, Mask]] = []
    reasons: dict[str, str] = {}
    for label, name in levels.items():
        try:
            mask = Mask.of(values, grid, label, name)
            vertebra = find_vertebra(mask, settings)
            _check_within(vertebra, within)
            found.append((find_places(vertebra, mask, bone, settings), mask))
        except GeometryError as error:
            reasons[name] = str(error)
    if not found:
        raise GeometryError(f"no vertebra can be measured: {'; '.join(reasons.values()) or 'no levels are named'}")
    return found, reasons


def _check_within(vertebra: Vertebra, grid: Grid) -> None:
    plates = [plate.surface for plate in vertebra.endplates]
    points = np.concatenate([*plates, *(pedicle.center[None] for pedicle in vertebra.pedicles)])
    inside = float(grid.contains(points).mean())
    if inside < 1:
        raise GeometryError(
            f"{vertebra.name}: {100 * inside:.0f} % of its landmarks lie in the true volume, expected all; leave it out"
        )


def _screws(
    vertebra: Vertebra, pedicle: Pedicle, solids: tuple[Solid, Solid, Solid], settings: TaskSettings
) -> tuple[ScrewResult, list[GradedScrew]]:
    """The screw planned in the volume against that planned in the truth, and screws at known places graded in both.

    solids: by the label, by the truth and by the volume.
    """
    label, truth, volume = solids
    plans = [plan_screw(solid, pedicle, vertebra.axes[:, 2]) for solid in solids]
    graded = []
    if plans[0] is not None:
        for displacement in (0.0, *settings.displacements):
            screw = plans[0].moved(displacement * pedicle.across)
            breaches = [breach(screw, solid, settings.screw_diameter) for solid in (label, volume)]
            graded.append(GradedScrew(vertebra.name, pedicle.side, displacement, *breaches))
    true, planned = plans[1:]
    if true is None or planned is None:
        where, nan = "truth" if true is None else "volume", float("nan")
        reason = f"no pedicle to follow in the {where}"
        return ScrewResult(vertebra.name, pedicle.side, nan, nan, nan, "", reason), graded
    amount = breach(planned, label, settings.screw_diameter)
    error = entry_error(planned, true, entry(true, truth))
    angle = angle_between(planned.direction, true.direction)
    return ScrewResult(vertebra.name, pedicle.side, error, angle, amount, grade(amount)), graded


def _lordosis(measured: Sequence[tuple[Places, Mask]], normals: Mapping) -> Measure:
    """The angle from the upper endplate of the first level to the lower one of the last."""
    first, last = measured[0][0].vertebra, measured[-1][0].vertebra
    pairs = {
        f"superior {first.name}": normals[first.name]["superior"],
        f"inferior {last.name}": normals[last.name]["inferior"],
    }
    upper, lower = pairs.values()
    left = first.axes[:, 0] + last.axes[:, 0]
    truth, value = (sagittal_angle(lower[n], upper[n], left / np.linalg.norm(left)) for n in (0, 1))
    level = f"{first.name} to {last.name}"
    return Measure(level, LORDOSIS, "", truth, value, value - truth, not_found(pairs))


def _mean(values: Sequence[float]) -> float:
    """The mean of those that are defined; nan where none is."""
    defined = [value for value in values if np.isfinite(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _share(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
