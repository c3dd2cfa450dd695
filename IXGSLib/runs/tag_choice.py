"""The choice of the conventions of DICOM tags by the X-rays: by epipolar consistency, then by previews."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..formats.tag_choice import Decider, TagChoice
from ..messages import collect_warnings

if TYPE_CHECKING:
    from ..calibration.tag_hypotheses import Alike, Ranking
    from ..compute.device import Device
    from ..formats.tagged_xrays import TaggedXRays

MAX_PREVIEWS = 3
"""Largest number of hypotheses that previews compare; if more agree about equally well, nothing is decided."""
MIN_GAIN_DB = 2.0
"""Held-out PSNR by which the preview of the hypothesis that epipolar consistency puts first must exceed all others."""
REGION_MM = 100.0
"""Side of the region about the isocentre at which details of the X-rays are measured."""
STAYS = "the standard's conventions stay"
Report = Callable[[int, int], None]


def choose(tagged: TaggedXRays, device: Device = "auto", report: Report | None = None) -> TagChoice:
    """The conventions under which X-rays agree best; those of the standard where nothing is decided.

    report: called with the number of finished previews and of all, if there are any. Raises Cancelled.
    """
    from ..calibration.agreement import MIN_VIEWS
    from ..calibration.tag_hypotheses import rank
    from .tag_previews import held_out_psnr

    ranking = rank(tagged)
    if ranking is not None and len(ranking.contenders) != 1:
        ranking = rank(_without_tissue(tagged))
    if ranking is None:
        return _undecided(f"{len(tagged.stored)} X-rays are too few to compare, {MIN_VIEWS} are needed")
    if ranking.reason:
        return _undecided(ranking.reason, ranking)
    contenders = ranking.contenders
    if len(contenders) == 1:
        return _chosen(contenders[0], ranking, {})
    names = ", ".join(one.first.title for one in contenders)
    alike = f"the X-rays agree about equally well with {names}"
    if len(contenders) > MAX_PREVIEWS:
        return _undecided(alike, ranking)
    psnr = held_out_psnr([one.first for one in contenders], device, report)
    best, *others = contenders  # with few views of soft tissue, previews alone choose wrong ones by several dB
    if best.first.title in psnr and _gain(best, others, psnr) >= MIN_GAIN_DB:
        return _chosen(best, ranking, psnr)
    shown = ", ".join(f"{name} {value:.1f} dB" for name, value in psnr.items()) or "none could be made"
    return _undecided(f"{alike}, and previews do not decide ({shown} in held-out views)", ranking, psnr)


def _without_tissue(tagged: TaggedXRays) -> TaggedXRays:
    """Intensities standardised by the classical filter, which takes seconds: soft tissue hides what can be compared.

    Line integrals stay as they are.
    """
    from ..formats import Case
    from ..geometry import Grid
    from ..standardization import StandardizationSettings, standardize

    if all(xray.values == "line_integral" for xray in tagged.stored):
        return tagged
    case = Case(tagged.stored, Grid.centered((0, 0, 0), (REGION_MM,) * 3, 1.0))
    with collect_warnings():  # the case itself is not standardised here
        made = standardize(case, StandardizationSettings("classical")).xrays
    return replace(tagged, stored=made)


def _gain(best: Alike, others: list[Alike], psnr: Mapping[str, float]) -> float:
    """How far the best preview is ahead of the next one, dB; one that failed predicts nothing."""
    return psnr[best.first.title] - max(psnr.get(one.first.title, float("-inf")) for one in others)


def _chosen(best: Alike, ranking: Ranking, psnr: dict[str, float]) -> TagChoice:
    """A class of hypotheses is chosen only if one of them has fewer deviations than all others."""
    if best.rivals:
        options, margin = " or ".join((best.first.title, *best.rivals)), _margin(best, ranking, psnr)
        return _undecided(
            f"the X-rays fit {options} alike ({margin}), and cannot tell motions and mirror images of the whole "
            "patient; state the one that applies",
            ranking,
            psnr,
        )
    by: Decider = "previews" if psnr else "epipolar consistency"
    chosen = best.first.title if best.first.names else "those of the standard"
    text = f"tag conventions: {chosen}, chosen by {by}: {_margin(best, ranking, psnr)}."
    return TagChoice(best.first.names, by, text, best.alike, best.mirror_images, _disagreements(ranking), psnr)


def _margin(best: Alike, ranking: Ranking, psnr: Mapping[str, float]) -> str:
    """The evidence for a hypothesis beside that for the next best one."""
    if psnr:
        others = sorted((value, name) for name, value in psnr.items() if name != best.first.title)
        rest = f", {others[-1][1]} {others[-1][0]:.1f} dB" if others else ""
        return f"held-out views {psnr[best.first.title]:.1f} dB{rest}"
    next_best = [one.first for one in ranking.classes if one is not best]
    text = f"disagreement {best.first.disagreement:.2f} of 1"
    return f"{text}, next {next_best[0].title} with {next_best[0].disagreement:.2f}" if next_best else text


def _undecided(reason: str, ranking: Ranking | None = None, psnr: Mapping[str, float] | None = None) -> TagChoice:
    text = f"tag conventions are not decided: {reason}; {STAYS}"
    return TagChoice((), None, text, disagreements=_disagreements(ranking), held_out_psnr=psnr or {})


def _disagreements(ranking: Ranking | None) -> dict[str, float]:
    """The disagreement of each hypothesis that can be compared, by its name."""
    first = [one.first for one in ranking.classes] if ranking is not None else []
    return {one.title: one.disagreement for one in first if math.isfinite(one.disagreement)}
