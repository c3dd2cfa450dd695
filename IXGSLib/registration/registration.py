"""A CT to X-rays: the pose of each vertebra, from anywhere along the spine, with a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..errors import GeometryError
from ..formats import Case
from ..geometry.coverage import convergence
from ..geometry.rigid import Array, apply
from ..messages import unique
from ..xray import XRay
from .alternatives import Choice, compared
from .anatomy import Anatomy, Image, read_anatomy
from .articulation import Articulation
from .bones import Spine
from .checks import check_views
from .motion import Motion, motion_between
from .pictures import COARSE, FINE, pictures, stack
from .restarts import spreads
from .result import Registration, VertebraPose
from .search import candidates, refined, spread
from .settings import RegistrationSettings
from .starts import around
from .verdict import Evidence, doubts, doubts_of_all, least_overlap, overlaps, seen_angle

Report = Callable[[str, int, int], None]
SEARCH_VIEWS, FINE_VIEWS = 6, 12
"""Largest numbers of views that are compared while searching, and at the finest resolution."""
COARSE_SWEEPS, FINE_SWEEPS = 4, 2
COARSE_MARGIN_MM, FINE_MARGIN_MM = 12.0, 8.0
"""How far beyond a vertebra its surroundings are compared."""
RIVALS = 3
"""Candidates of the search that are articulated before one is chosen."""
RIVAL_RATIO = 1.25
"""Ratio of a candidate's loss to the best one's up to which it is a rival."""
MIN_SHOWN = 0.3
"""Fraction of a vertebra that two views must show for it to be registered without being named."""
STAGES = 5
DEFAULTS = RegistrationSettings()


def register(
    ct: Image | Anatomy,
    case: Case,
    labels: Image | None = None,
    vertebrae: Sequence[str] | None = None,
    start: Array | None = None,
    settings: RegistrationSettings = DEFAULTS,
    on_progress: Report = lambda stage, step, steps: None,
) -> Registration:
    """Register the vertebrae of a CT to the X-rays of a case, each as a rigid body.

    ct: a file, a DICOM folder, values in HU [k, j, i] and their grid, or what `read_anatomy` returns, which takes names
    of labels, and points in place of them. labels: a label map on the same grid; without one the spine is one body.
    vertebrae: names such as "L3"; by default all that the X-rays show. start: (4, 4) world_from_ct near which to
    search; by default anywhere along the spine, for CT and X-rays whose axes agree within about 20 degrees.
    on_progress: called with the name of each stage when it begins, its number and that of all.
    Raises FormatError and GeometryError for inputs that cannot be registered: an MR, a mirrored CT, labels on another
    grid, a single view, views that differ by less than MIN_ANGLE_DEG. A result that cannot be trusted is not verified.
    """
    clock = Clock(on_progress)
    clock.start("reading")
    check_views(case)
    anatomy = ct if isinstance(ct, Anatomy) else read_anatomy(ct, labels, settings)
    spine = anatomy.spine
    named = _indices(spine, vertebrae)
    xrays = pictures(case, settings.pictures)
    clock.start("search")
    best, rivals = _placed(spine, xrays, start, settings)
    clock.start("alternatives")
    choice = compared(best, rivals, settings)
    clock.start("vertebrae")
    fine = _finest(choice.articulation, xrays)
    wanted = named or _shown(fine, xrays)
    clock.start("restarts")
    spread_mm = spreads(choice.articulation, fine, wanted)
    clock.stop()
    return _result(case, anatomy, xrays, fine, wanted, choice, spread_mm, clock.seconds)


class Clock:
    """The seconds of each stage, whose name is reported when it begins."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def start(self, stage: str) -> None:
        self.stop()
        self._began = time.perf_counter()
        self.seconds[stage] = 0.0
        self.report(stage, len(self.seconds) - 1, STAGES)

    def stop(self) -> None:
        if self.seconds:
            self.seconds[list(self.seconds)[-1]] = round(time.perf_counter() - self._began, 3)


def _indices(spine: Spine, names: Sequence[str] | None) -> list[int]:
    """The bones of vertebrae; raises GeometryError for names that the labels do not have."""
    known = {spine.bones[n].name: n for n in spine.vertebrae}
    missing = [name for name in names or () if name not in known]
    if missing:
        raise GeometryError(
            f"the CT has no vertebra {', '.join(missing)}, only {', '.join(known)}; give a CT and labels of the region "
            "that the X-rays show, or other vertebrae"
        )
    return sorted(known[name] for name in names or ())


def _placed(
    spine: Spine, xrays: Sequence[XRay], start: Array | None, settings: RegistrationSettings
) -> tuple[Articulation, list[Articulation]]:
    """The spine articulated at the best place, and at other places that came near."""
    few, whole = spread(xrays, SEARCH_VIEWS), spine.whole
    found = candidates(whole, few) if start is None else refined(whole, few, around(np.asarray(start), whole))
    rivals = [each for each in found if each.loss <= RIVAL_RATIO * found[0].loss][:RIVALS]
    coarse = stack(spread(xrays, FINE_VIEWS), COARSE, convergence([xray.view for xray in xrays]))
    articulated = []
    for rival in rivals:
        articulated.append(Articulation(spine, [rival.pose] * len(spine.bones), coarse, settings))
        articulated[-1].sweeps(COARSE_SWEEPS, COARSE_MARGIN_MM)
    articulated.sort(key=lambda each: float(each.agreement().mean()))
    return articulated[0], articulated[1:]


def _finest(coarse: Articulation, xrays: Sequence[XRay]) -> Articulation:
    center = convergence([xray.view for xray in xrays])
    fine_stack = stack(spread(xrays, FINE_VIEWS), FINE, center)
    fine = Articulation(coarse.spine, coarse.poses, fine_stack, coarse.settings)
    fine.sweeps(FINE_SWEEPS, FINE_MARGIN_MM)
    return fine


def _shown(fine: Articulation, xrays: Sequence[XRay]) -> list[int]:
    """The vertebrae of which the X-rays show something; all where they show none."""
    shown = []
    for n in fine.spine.vertebrae:
        seen = sorted(overlaps(fine.spine.bones[n], fine.poses[n], xrays).values())
        if seen[-2] >= MIN_SHOWN:
            shown.append(n)
    return shown or list(fine.spine.vertebrae)


def _result(
    case: Case,
    anatomy: Anatomy,
    xrays: Sequence[XRay],
    fine: Articulation,
    wanted: Sequence[int],
    choice: Choice,
    spread_mm: Mapping[int, float],
    seconds: dict[str, float],
) -> Registration:
    motions = _motions(fine, wanted)
    vertebrae = tuple(_vertebra(fine, n, xrays, choice, spread_mm[n], motions) for n in wanted)
    edges = [vertebra.edges for vertebra in vertebrae if vertebra.residual == vertebra.residual]
    common = doubts_of_all(edges, fine.settings)
    vertebrae = tuple(replace(vertebra, doubts=common + vertebra.doubts) for vertebra in vertebrae)
    warnings = [f"{vertebra.name}: {vertebra.verdict}" for vertebra in vertebrae if not vertebra.verified]
    return Registration(
        case, anatomy, vertebrae, motions, choice.loss, choice.margin, choice.alternative, fine.settings,
        unique(case.warnings, warnings), seconds,
    )  # fmt: skip


def _motions(fine: Articulation, wanted: Sequence[int]) -> tuple[Motion, ...]:
    bones, poses = fine.spine.bones, fine.poses
    return tuple(
        motion_between((bones[a].name, bones[b].name), (poses[a], poses[b]), (bones[a].center, bones[b].center))
        for a, b in pairwise(wanted)
        if b == a + 1
    )


def _vertebra(
    fine: Articulation, n: int, xrays: Sequence[XRay], choice: Choice, spread_mm: float, motions: Sequence[Motion]
) -> VertebraPose:
    bone, pose, settings = fine.spine.bones[n], fine.poses[n], fine.settings
    fit = fine.fits[n]
    overlap = overlaps(bone, pose, xrays)
    ids = [xray.view.id for xray in fine.stack.xrays]
    by_view = dict(zip(ids, map(float, fit.gradients), strict=True)) if fit is not None else {}
    least = least_overlap(bone.label, settings)
    seen = [value for id, value in by_view.items() if overlap[id] >= least]
    residual = float(np.mean(seen)) if seen else float("nan")
    angle = seen_angle(overlap, fine.stack.xrays, apply(pose, bone.center), least)
    own = [motion for motion in motions if bone.name in (motion.upper, motion.lower)]
    edges = fine.edge_distance(n, FINE_MARGIN_MM)
    found = doubts(Evidence(residual, edges, spread_mm, least, angle, choice.margin, choice.alternative, own), settings)
    return VertebraPose(bone.name, bone.label, pose, bone.center, residual, by_view, edges, spread_mm, overlap, found)
