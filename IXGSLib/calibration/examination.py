"""All checks of a case before it is reconstructed."""

from __future__ import annotations

from dataclasses import dataclass

from ..formats import Case
from .agreement import Agreement, check_agreement
from .plausibility import implausibilities
from .refinement.refinement import MIN_VIEWS

HIGH_DISAGREEMENT = 0.3
"""Disagreement above which a refinement of poses is worth a try: line integrals of bone with true poses stay below."""

TAG_CONVENTIONS = {
    "mirrored left to right": "seen-from-detector",
    "turned upside down": "seen-from-detector half-turn",
    "rotated by 180 degrees": "half-turn",
    "rotated by 90 degrees to the left": "quarter-turn",
    "rotated by 90 degrees to the right": "three-quarter-turn",
}
"""The `--tag-conventions` that have the effect of a change of all images, where poses come from DICOM tags."""


@dataclass(frozen=True)
class Examination:
    """The result of `examine`.

    warnings: a text for each finding, with its cure. summary: how well the images agree with their poses. advice: what
    to do next, in one sentence.
    """

    warnings: tuple[str, ...]
    summary: str
    advice: str


def examine(case: Case) -> Examination:
    """The findings about the geometry of a case, and about the agreement of its X-rays under their poses."""
    agreement = check_agreement(case.xrays)
    warnings = (*implausibilities(case.views, case.grid), *agreement.warnings, *_about_tags(case, agreement))
    return Examination(warnings, agreement.summary, _advice(case, agreement, bool(warnings)))


def _advice(case: Case, agreement: Agreement, warned: bool) -> str:
    """The next step: cures first, then poses that are known to be approximate, then the reconstruction."""
    approximate = any(case.provenance.get(view.id, "").startswith("tags") for view in case.views)
    single = bool(agreement.contradictions) and all(one.views for one in agreement.contradictions)
    # Single views may disagree as long as their poses are rough.
    if warned and not (approximate and single):
        return "Next: follow the warnings, and check again."
    few = len(case.views) < MIN_VIEWS
    if approximate and few:
        return (
            f"Next: the poses are approximate and {len(case.views)} views are too few to refine them ({MIN_VIEWS} are "
            "needed); take more X-rays, or calibrate them (ixgs calibrate)."
        )
    if approximate:
        return "Next: the poses are approximate; ixgs reconstruct with --refine-poses refines them by the X-rays."
    if agreement.disagreement > HIGH_DISAGREEMENT and not few:
        return (
            f"Next: the images disagree by more than {HIGH_DISAGREEMENT:g}; if the poses may be off by half a "
            "degree or a millimetre or more, use ixgs reconstruct with --refine-poses."
        )
    return "Next: ixgs reconstruct."


def _about_tags(case: Case, agreement: Agreement) -> tuple[str, ...]:
    """How to cure a contradiction of all images where the poses of all views come from DICOM tags."""
    if case.tag_choice is not None:  # all conventions have been compared already
        return ()
    if not all(case.provenance.get(view.id, "").startswith("tags") for view in case.views):
        return ()
    cures = [cure for one in agreement.contradictions if not one.views for cure in one.cures]
    options = [f"--tag-conventions {TAG_CONVENTIONS[cure]}" for cure in cures if cure in TAG_CONVENTIONS]
    if not options:
        return ()
    return (
        f"the poses come from DICOM tags, which this C-arm may fill in differently from the standard: try "
        f"{' or '.join(options)} before you change the images.",
    )
