"""Refining the poses of a case in two stages: by its X-rays alone, then together with a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled
from ..messages import unique
from .events import Reporter
from .stopping import stop_asked

if TYPE_CHECKING:
    from ..calibration.refinement import Refinement, RefinementSettings
    from ..compute.device import Device
    from ..formats import Case
    from ..reconstruction import Reconstruction
    from ..reconstruction.result import Progress
    from ..reconstruction.settings import Preset


POSE_RATE, POLISHING_RATE = 0.1, 0.01
"""Learning rates of poses in a reconstruction, mm at the rim of the region: of poses that the first stage refined, and
of given ones that it found to agree, which must not become worse. Poses of standardised X-rays stay, because their
images err in ways that poses follow: refined poses of two patients went from 0.39 and 0.60 mm to 0.78 and 0.75 mm."""


@dataclass(frozen=True, eq=False)
class Refined:
    """The outcome of both stages.

    case: with the final poses. refinement: the first stage. before, after: renders of the final volume with the given
    and with the final poses, (height, width) line integrals in the order of the case.
    """

    case: Case
    refinement: Refinement
    before: tuple[np.ndarray, ...]
    after: tuple[np.ndarray, ...]


def first_stage(case: Case, settings: RefinementSettings, reporter: Reporter) -> Refinement:
    """The poses under which the X-rays agree, with progress; raises Cancelled when the user asks to stop."""
    from ..calibration.refinement import refine

    def report(done: int, total: int) -> None:
        reporter.report("progress", stage="poses", step=done, steps=total)
        if stop_asked():
            raise Cancelled("the refinement of poses was cancelled")

    return refine(case, settings, report)


def pose_rate(refinement: Refinement) -> float:
    """The learning rate of poses in the second stage."""
    if refinement.case.standardization is not None:
        return 0.0
    return POSE_RATE if refinement.changed else POLISHING_RATE


def both_stages(
    case: Case, settings: RefinementSettings, preset: Preset, device: Device, reporter: Reporter
) -> Refined:
    """The poses after both stages; raises what `refine` and `reconstruct` raise."""
    from ..reconstruction import reconstruct
    from ..rendering import project

    def report(progress: Progress) -> None:
        reporter.report("progress", **progress.as_dict())

    found = first_stage(case, settings, reporter)
    result: Reconstruction = reconstruct(
        found.case,
        preset,
        settings={"rates.pose": pose_rate(found)},
        on_progress=report,
        cancelled=stop_asked,
        device=device,
    )
    given = {view.id: view for view in case.views}
    before = tuple(project(result.cloud, given[view.id]).numpy() for view in result.views)
    refined = found.case.with_poses(result.views).with_warnings(unique(result.warnings))
    return Refined(refined, found, before, result.renders)
