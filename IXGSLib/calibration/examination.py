"""All checks of a case before it is reconstructed."""

from __future__ import annotations

from dataclasses import dataclass

from ..formats import Case
from .agreement import check_agreement
from .plausibility import implausibilities


@dataclass(frozen=True)
class Examination:
    """The result of `examine`.

    warnings: a text for each finding, with its cure. summary: how well the images agree with their poses.
    """

    warnings: tuple[str, ...]
    summary: str


def examine(case: Case) -> Examination:
    """The findings about the geometry of a case, and about the agreement of its X-rays under their poses."""
    agreement = check_agreement(case.xrays)
    return Examination((*implausibilities(case.views, case.grid), *agreement.warnings), agreement.summary)
