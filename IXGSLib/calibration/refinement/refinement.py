"""Poses from the X-rays themselves: those under which all images agree with each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ...errors import GeometryError
from ...formats import Case
from ...geometry.rigid import Array
from ...geometry.twists import with_poses
from ...xray import XRay
from .settings import MIN_VIEWS, RefinementSettings
from .starts import MAX_SPREAD_MM, Agreement, Candidates, candidates, differences

State = Literal["given", "refined", "left out"]

PROVENANCE = "refined"
"""The entry in `Case.provenance` for refined poses."""

KEEP_RATIO = 1.1
"""Ratio of the disagreement of the given poses to that of refined ones, up to which the given poses stay: true poses
have ratios up to 1.02, and poses off by 0.2 degrees and 0.3 mm about 1.2."""
OUTLIER_RATIO, MIN_OUTLIER = 3.0, 0.4
"""A view is left out when its mean disagreement exceeds both this multiple of the median and this value."""
MAX_LEFT_OUT = 0.2
"""Largest fraction of the views that is left out."""
MAX_DISAGREEMENT = 0.35
"""Mean disagreement above which poses are not verified: with true poses it is up to 0.13 for line integrals of bone.
For standardised X-rays and their originals it is 0.30, 0.31 and, where the body is far wider than the images, 0.55."""
MAX_MOVES = 3.0
"""Movement of a typical view, as a multiple of the expected error, above which poses are not verified."""


@dataclass(frozen=True)
class ViewPose:
    """What a refinement did to a view.

    before, after: mean disagreement with the other views, 0 to 1. rotation, shift, beam: by how much the pose changed,
    in degrees, mm parallel to the detector and mm along the beam, at the region. spread: mm parallel to the detector
    between the two best results of different starts; nan for a single start. rotation_sd, shift_sd, beam_sd: standard
    deviations of the refined pose, in the same units and relative to the other views; nan where it was not refined.
    """

    id: str
    state: State
    before: float
    after: float
    rotation: float = 0.0
    shift: float = 0.0
    beam: float = 0.0
    spread: float = math.nan
    rotation_sd: float = math.nan
    shift_sd: float = math.nan
    beam_sd: float = math.nan


@dataclass(frozen=True, eq=False)
class Refinement:
    """The case with refined poses, and how far they can be trusted.

    case: without the views that were left out. before, after: mean disagreement of all pairs of views, 0 to 1.
    doubts: why the poses are not verified; empty when they are.
    """

    case: Case
    views: tuple[ViewPose, ...]
    before: float
    after: float
    doubts: tuple[str, ...]

    @property
    def verified(self) -> bool:
        return not self.doubts

    @property
    def changed(self) -> bool:
        """Whether any pose was changed."""
        return any(view.state != "given" for view in self.views)

    @property
    def summary(self) -> str:
        """One or two sentences for a person."""
        verdict = "verified" if self.verified else f"not verified: {'; '.join(self.doubts)}"
        if not self.changed:
            return (
                f"The given poses agree as well as refined ones (disagreement {self.before:.3f}); they stay, {verdict}."
            )
        moved = [view for view in self.views if view.state == "refined"]
        typical = [float(np.median([getattr(view, name) for view in moved])) for name in ("rotation", "shift", "beam")]
        return (
            f"Poses refined, {verdict}. The disagreement of the images changed from {self.before:.3f} to "
            f"{self.after:.3f}; a typical view turned by {typical[0]:.1f}° and moved by {typical[1]:.1f} mm parallel "
            f"to the detector and {typical[2]:.1f} mm along the beam."
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        views = [dict(vars(view)) for view in self.views]
        return {
            "verified": self.verified,
            "doubts": list(self.doubts),
            "disagreement": {"before": self.before, "after": self.after},
            "views": views,
        }


DEFAULTS = RefinementSettings()


def refine(
    case: Case,
    settings: RefinementSettings = DEFAULTS,
    on_progress: Callable[[int, int], None] | None = None,
) -> Refinement:
    """Refine the poses of a case so that its X-rays agree, by epipolar consistency; K stays as it is.

    A common motion and a common scale of all poses leave no trace in X-rays: the result deviates least from the given
    poses. Poses that already agree as well as any stay as they are; a view that agrees with no other is left out, with
    a warning. on_progress: called with the number of starts done and of all.
    Raises GeometryError for fewer than MIN_VIEWS views.
    """
    if len(case.xrays) < MIN_VIEWS:
        raise GeometryError(
            f"case '{case.name}': {len(case.xrays)} views, expected at least {MIN_VIEWS} to refine their poses; "
            "add views, or use the poses as they are"
        )
    found = candidates(_series(case.xrays, case), case.grid, settings, on_progress)
    before = found.disagreement(found.given)
    if before.mean <= KEEP_RATIO * found.after.mean:
        views = [
            ViewPose(view.id, "given", float(each), float(each))
            for view, each in zip(case.views, before.by_view, strict=True)
        ]
        doubts = _doubts_of_given(before)
        return Refinement(_warned(case, doubts), tuple(views), before.mean, before.mean, doubts)
    left_out = _outliers(found.after.by_view)
    if left_out.any():
        stay = [xray for xray, out in zip(case.xrays, left_out, strict=True) if not out]
        within = candidates(_series(stay, case), case.grid, settings, on_progress)
    else:
        within = found
    return _refined(case, found, within, left_out)


def _series(xrays: Sequence[XRay], case: Case) -> list[Sequence[XRay]]:
    """X-rays of a case, and their originals where all of them were standardised and kept.

    Standardisation errs in every image by itself, which limits how well the images agree; the originals agree in soft
    tissue too, as far as the field of view allows.
    """
    raw = case.standardization.raw if case.standardization is not None else {}
    if not all(xray.view.id in raw for xray in xrays):
        return [xrays]
    return [xrays, [replace(raw[xray.view.id], view=xray.view) for xray in xrays]]


def _refined(case: Case, found: Candidates, within: Candidates, left_out: np.ndarray) -> Refinement:
    """The result; found: for all views, within: for those that stay."""
    before, moves = found.disagreement(found.given), differences(within.given, within.best.poses, case.grid.center)
    spread = within.spread(case.grid.center)
    after = iter(zip(within.after.by_view, *moves, spread, *within.uncertainty, strict=True))
    views = [
        ViewPose(view.id, "left out", float(own), float(alone))
        if out
        else ViewPose(view.id, "refined", float(own), *map(float, next(after)))
        for view, out, own, alone in zip(case.views, left_out, before.by_view, found.after.by_view, strict=True)
    ]
    doubts = _doubts(within, moves, spread)
    stay = tuple(xray for xray, out in zip(case.xrays, left_out, strict=True) if not out)
    provenance = {**case.provenance, **{xray.view.id: PROVENANCE for xray in stay}}
    left_out_texts = [_left_out_text(view) for view in views if view.state == "left out"]
    poses = with_poses([xray.view for xray in stay], within.best.poses)
    refined = replace(case, xrays=stay, provenance=provenance).with_poses(poses).with_warnings(left_out_texts)
    return Refinement(_warned(refined, doubts), tuple(views), before.mean, within.after.mean, doubts)


def _warned(case: Case, doubts: tuple[str, ...]) -> Case:
    return case.with_warnings(f"the poses are not verified: {doubt}" for doubt in doubts) if doubts else case


def _outliers(by_view: Array) -> np.ndarray:
    """(views,) which views agree with no other; none if they are too many to be the exception."""
    limit = max(OUTLIER_RATIO * float(np.median(by_view)), MIN_OUTLIER)
    wrong = by_view > limit
    few = wrong.sum() <= MAX_LEFT_OUT * len(by_view) and len(by_view) - wrong.sum() >= MIN_VIEWS
    return wrong if few else np.zeros(len(by_view), bool)


def _doubts_of_given(before: Agreement) -> tuple[str, ...]:
    if before.mean <= MAX_DISAGREEMENT:
        return ()
    return (f"the images disagree by {before.mean:.2f}, expected at most {MAX_DISAGREEMENT}",)


def _doubts(within: Candidates, moves: tuple[Array, Array, Array], spread: Array) -> tuple[str, ...]:
    """Why refined poses cannot be trusted, with numbers."""
    doubts = list(_doubts_of_given(within.after))
    typical = float(np.median(spread))
    if np.isnan(typical):
        doubts.append("a single start does not show how far the poses are determined; use at least two")
    elif typical > MAX_SPREAD_MM:
        doubts.append(
            f"the two best of different starts lead to poses {typical:.1f} mm apart in a typical view, expected at "
            f"most {MAX_SPREAD_MM} mm"
        )
    turn, shift = np.rad2deg(within.expected[0]), within.expected[3]
    for name, values, expected, unit in (("turned", moves[0], turn, "°"), ("moved", moves[1], shift, " mm")):
        found = float(np.median(values))
        if found > MAX_MOVES * expected:
            doubts.append(
                f"a typical view {name} by {found:.1f}{unit}, expected errors of about {expected:.1f}{unit}; state the "
                "errors that you expect"
            )
    return tuple(doubts)


def _left_out_text(view: ViewPose) -> str:
    return (
        f"view '{view.id}': left out, it disagrees by {view.after:.2f} (0 when alike, 1 when unrelated) with the other "
        "views under every pose that was tried; check its image"
    )
