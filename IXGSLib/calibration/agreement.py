"""Whether the X-rays of a case are consistent with their poses and, if not, which change would make them so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..xray import XRay
from . import all_views, some_views
from .consistency import EpipolarPairs, radon_derivatives
from .contradiction import SCALE, Contradiction
from .evidence import Evidence, Score, mean, shuffled

MIN_VIEWS = 6
"""Number of views from which single views and arbitrary orders can be judged."""


@dataclass(frozen=True)
class Agreement:
    """How well the images agree with their poses.

    disagreement: 1 minus the mean correlation of corresponding epipolar lines: 0 when all views agree, 1 when they
    have nothing in common; nan when there is nothing to compare. shuffled: its median with the images in random order.
    undecided: changes under which the images would agree about as well, so that the images cannot rule them out.
    """

    disagreement: float
    shuffled: float
    contradictions: tuple[Contradiction, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(contradiction.text for contradiction in self.contradictions)

    @property
    def summary(self) -> str:
        """One or two sentences for a person."""
        if not np.isfinite(self.disagreement):
            return "Agreement of X-rays and poses: the images have nothing in common that could be compared."
        text = (
            f"Agreement of X-rays and poses: disagreement {self.disagreement:.2f} ({SCALE}; {self.shuffled:.2f} with "
            "the images in random order)."
        )
        if self.contradictions:
            return f"{text} They contradict each other: follow the warnings before you reconstruct."
        if self.undecided:
            return f"{text} The images cannot show whether they should be {', or '.join(self.undecided)}."
        return text


def check_agreement(xrays: Sequence[XRay]) -> Agreement:
    """Whether X-rays and poses match, judged on reduced images and without a reconstruction.

    A change of all images is named as the cure only when they agree much better with it, whichever view is left out.
    Scaling or moving the world and, within practical limits, changing the focal length have no effect on the result.
    """
    if len(xrays) < 3:
        return Agreement(np.nan, np.nan)
    evidence = Evidence.of(xrays)
    if not np.isfinite(evidence.disagreement):
        return Agreement(np.nan, np.nan)
    scores = all_views.layout_and_order_scores(evidence)
    contradictions = next(filter(None, map(tuple, _searches(evidence, scores))), ())
    if evidence.count >= MIN_VIEWS and all(one.views for one in contradictions):
        contradictions += (*some_views.empty(evidence), *some_views.of_another_density(evidence))
    limit = 1 / all_views.max_cure_ratio(evidence.count)
    undecided = () if contradictions else tuple(s.alternative.name for s in scores if s.ratio < limit)
    return Agreement(evidence.disagreement, evidence.shuffled, contradictions, undecided)


def relative_disagreement(xrays: Sequence[XRay]) -> float:
    """The disagreement of X-rays under their poses as a fraction of that in random order.

    0 when all agree, about 1 when they have no more in common than in random order; nan with nothing to compare.
    """
    if len(xrays) < 3:
        return np.nan
    views, tables = radon_derivatives(xrays)
    pairs = EpipolarPairs.of(views)
    given = mean(pairs.disagreement(tables, np.arange(len(views))))
    return given / shuffled(pairs, tables)


def _searches(evidence: Evidence, scores: Sequence[Score]) -> Iterator[Iterator[Contradiction]]:
    """Searches for contradictions, all views first; what one search finds would mislead those after it."""
    yield all_views.changed(evidence, [*scores, *all_views.intrinsics_scores(evidence)])
    if evidence.count < MIN_VIEWS:
        return
    yield _misplaced(evidence)
    yield some_views.unrelated(evidence)
    yield all_views.foreign(evidence)


def _misplaced(evidence: Evidence) -> Iterator[Contradiction]:
    """Some images in another layout, two exchanged or all in another order, whichever explains the images best."""
    candidates = list(some_views.laid_out_otherwise(evidence))
    if evidence.one_size:
        candidates += [*some_views.exchanged(evidence), *all_views.shuffled(evidence)]
    yield from sorted(candidates, key=lambda candidate: candidate.total)[:1]
