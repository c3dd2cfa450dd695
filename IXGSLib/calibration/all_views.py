"""Contradictions of all views: another layout, order or K explains the images, or nothing does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .alternatives import Alternative, intrinsics, orders, turned, whole_layouts
from .arrangement import best_order, order_costs
from .contradiction import MAX_NAMED_VIEWS, SCALE, Contradiction, capital
from .evidence import Evidence, Score

MAX_CURE_RATIO, MAX_CURE_RATIO_FEW = 0.85, 0.7
"""Ratio of the disagreement with a change to that without, below which the change counts as a cure; the ratio must stay
below this whichever view is left out. The second holds for few views, which more often agree by chance."""
FEW_VIEWS = 12
"""Number of views below which they are few."""
MAX_INTRINSICS_RATIO = 0.7
"""The same for another principal point or image size, whose effect pose errors can mimic."""
MAX_ORDER_RATIO = 0.6
"""The same for an arbitrary order of the images, of which there are very many."""
EQUIVALENT_GAIN_TOLERANCE = 0.25
"""Alternatives whose gain is smaller than the best one's by at most this fraction are named with it."""
MAX_SHUFFLED_RATIO = 1.5
"""Ratio of the disagreement in random orders to that of the case, up to which an arbitrary order is searched for."""
MIN_FOREIGN, MIN_FOREIGN_NEIGHBOURS, MIN_FOREIGN_RATIO = 0.6, 0.5, 0.95
"""Disagreement of all views, disagreement of neighbouring views, and ratio of the former to that in random order, from
which images and poses have nothing in common."""


def max_cure_ratio(count: int) -> float:
    """The largest ratio with which another layout or order of `count` views counts as a cure."""
    return MAX_CURE_RATIO_FEW if count < FEW_VIEWS else MAX_CURE_RATIO


def layout_and_order_scores(evidence: Evidence) -> list[Score]:
    """Scores of other layouts of all images and, where they have the same size, of other orders."""
    alternatives = [*whole_layouts(evidence.count, evidence.variants), *turned(evidence.pairs, evidence.own_tables)]
    if evidence.one_size:
        alternatives += orders(evidence.count)
    return [evidence.score(alternative) for alternative in alternatives]


def intrinsics_scores(evidence: Evidence) -> list[Score]:
    """Scores of other principal points and image sizes."""
    return [evidence.score(one) for one in intrinsics(evidence.pairs)]


def changed(evidence: Evidence, scores: Sequence[Score]) -> Iterator[Contradiction]:
    """The best change of all images or poses, with those that are about as good."""
    passing = [score for score in scores if score.worst < _max_ratio(score, evidence.count)]
    passing.sort(key=lambda score: score.ratio)
    if not passing:
        return
    best = passing[0].ratio
    equal = [s.alternative for s in passing if 1 - s.ratio >= (1 - EQUIVALENT_GAIN_TOLERANCE) * (1 - best)]
    likely_K = next((one for one in equal if one.intrinsics), None)  # the best stands for all that are similar
    equal = [one for one in equal if not one.intrinsics or one is likely_K]
    names, cures = tuple(one.name for one in equal), list(dict.fromkeys(one.cure for one in equal))
    before = evidence.disagreement
    lead = "" if len(cures) == 1 else "Find out which is true: "
    text = (
        f"X-rays and poses contradict each other: the images disagree by {before:.2f} ({SCALE}) and would disagree by "
        f"only {passing[0].after:.2f} if {', or if '.join(names)}. {lead}{capital('; or '.join(cures))}; or correct "
        "the poses."
    )
    yield Contradiction(text, names, (), before, passing[0].after, passing[0].after)


def _max_ratio(score: Score, count: int) -> float:
    return MAX_INTRINSICS_RATIO if score.alternative.intrinsics else max_cure_ratio(count)


def shuffled(evidence: Evidence) -> Iterator[Contradiction]:
    """An arbitrary other order in which the images agree."""
    if evidence.shuffled > MAX_SHUFFLED_RATIO * evidence.disagreement:
        return
    order = best_order(order_costs(evidence.pairs, evidence.tables))
    score = evidence.score(_in_order(order))
    if not score.worst < MAX_ORDER_RATIO:
        return
    ids = [view.id for view in evidence.pairs.views]
    wrong = np.flatnonzero(order != evidence.plain)
    listed = ", ".join(f"the image of '{ids[order[n]]}' to the pose of '{ids[n]}'" for n in wrong[:MAX_NAMED_VIEWS])
    more = "" if len(wrong) <= MAX_NAMED_VIEWS else f", and {len(wrong) - MAX_NAMED_VIEWS} more"
    before = evidence.disagreement
    text = (
        f"images and poses are in different orders: the images disagree by {before:.2f} ({SCALE}) and would disagree "
        f"by only {score.after:.2f} in another order, which moves {listed}{more}. Check which image belongs to which "
        "pose."
    )
    yield Contradiction(text, ("in another order",), tuple(ids[n] for n in wrong), before, score.after, score.after)


def _in_order(order: np.ndarray) -> Alternative:
    return Alternative("in another order", "check which image belongs to which pose", order)


def foreign(evidence: Evidence) -> Iterator[Contradiction]:
    """Images that agree no better under their poses than in random order, not even those of neighbouring views."""
    before, at_random = evidence.disagreement, evidence.shuffled
    if before < max(MIN_FOREIGN, MIN_FOREIGN_RATIO * at_random) or evidence.of_neighbours < MIN_FOREIGN_NEIGHBOURS:
        return
    text = (
        f"X-rays and poses have nothing in common: the images disagree by {before:.2f} ({SCALE}), as much as in random "
        f"order ({at_random:.2f}), and with no other layout, order or K do they agree. Check that the calibration "
        "belongs to these images, and that its poses are world_from_camera in LPS."
    )
    yield Contradiction(text, (), (), before, before, before)
