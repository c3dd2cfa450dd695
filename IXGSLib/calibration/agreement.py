"""Whether the X-rays of a case are consistent with their poses and, if not, which change would make them so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..xray import XRay
from .alternatives import Alternative, intrinsics, orders, whole_layouts
from .arrangement import best_layouts, best_order, layout_costs, order_costs, swap_gains
from .evidence import Evidence, Score, mean

MAX_CURE_RATIO = 0.8
"""Ratio of the disagreement with a change to that without, below which the change counts as a cure; the ratio must stay
below this whichever view is left out."""
MAX_INTRINSICS_RATIO = 0.7
"""The same for another principal point or image size, whose effect pose errors can mimic."""
MAX_ORDER_RATIO = 0.6
"""The same for an arbitrary order of the images, of which there are very many."""
MAX_VIEW_RATIO = 0.5
"""The same for a change of some views, over the pairs that include them."""
EQUIVALENT_GAIN_TOLERANCE = 0.25
"""Alternatives whose gain is smaller than the best one's by at most this fraction are named with it."""
MAX_TYPICAL_DISAGREEMENT, MIN_UNRELATED_EXCESS = 0.4, 0.55
"""Median disagreement of the views below which a single view can be judged, and the fraction of the way from that
median to 1 beyond which the view counts as unrelated."""
MAX_SHUFFLED_RATIO = 1.5
"""Ratio of the disagreement in random orders to that of the case, up to which an arbitrary order is searched for."""
MIN_VIEWS = 6
"""Number of views from which single views and arbitrary orders can be judged."""
MAX_NAMED_VIEWS = 8
"""Largest number of views named in a message."""
SCALE = "0: perfect, 1: unrelated images"


@dataclass(frozen=True)
class Contradiction:
    """One way in which images and poses contradict each other.

    text: a warning with evidence and cure. cures: the changes that explain the images about equally well; empty when
    none is known. views: the ids of the views concerned, empty for all. before, after: disagreement of the pairs
    concerned, as given and after the change; total: that of all pairs after the change.
    """

    text: str
    cures: tuple[str, ...]
    views: tuple[str, ...]
    before: float
    after: float
    total: float


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
    scores = whole_scores(evidence)
    contradictions = next(filter(None, map(tuple, _searches(evidence, scores))), ())
    undecided = () if contradictions else tuple(s.alternative.name for s in scores if s.ratio < 1 / MAX_CURE_RATIO)
    return Agreement(evidence.disagreement, evidence.shuffled, contradictions, undecided)


def whole_scores(evidence: Evidence) -> list[Score]:
    """Scores of other layouts of all images and, where they have the same size, of other orders."""
    alternatives = list(whole_layouts(evidence.count, evidence.variants))
    if _one_size(evidence):
        alternatives += orders(evidence.count)
    return [evidence.score(alternative) for alternative in alternatives]


def _searches(evidence: Evidence, scores: Sequence[Score]) -> Iterator[Iterator[Contradiction]]:
    """Searches for contradictions, all views first; what one search finds would mislead those after it."""
    yield _whole(evidence, scores, MAX_CURE_RATIO)
    yield _whole(evidence, [evidence.score(one) for one in intrinsics(evidence.pairs)], MAX_INTRINSICS_RATIO)
    if evidence.count < MIN_VIEWS:
        return
    yield _misplaced(evidence)
    yield _unrelated(evidence)


def _one_size(evidence: Evidence) -> bool:
    return len({view.size for view in evidence.pairs.views}) == 1


def _whole(evidence: Evidence, scores: Sequence[Score], margin: float) -> Iterator[Contradiction]:
    """The best change of all images or poses, with those that are about as good."""
    passing = sorted((score for score in scores if score.worst < margin), key=lambda score: score.ratio)
    if not passing:
        return
    best = passing[0].ratio
    equal = [s.alternative for s in passing if 1 - s.ratio >= (1 - EQUIVALENT_GAIN_TOLERANCE) * (1 - best)]
    names, cures = tuple(one.name for one in equal), list(dict.fromkeys(one.cure for one in equal))
    before = evidence.disagreement
    lead = "" if len(cures) == 1 else "Find out which is true: "
    text = (
        f"X-rays and poses contradict each other: the images disagree by {before:.2f} ({SCALE}) and would disagree by "
        f"only {passing[0].after:.2f} if {', or if '.join(names)}. {lead}{_capital('; or '.join(cures))}; or correct "
        "the poses."
    )
    yield Contradiction(text, names, (), before, passing[0].after, passing[0].after)


def _misplaced(evidence: Evidence) -> Iterator[Contradiction]:
    """Some images in another layout, two exchanged or all in another order, whichever explains the images best."""
    candidates = list(_mixed(evidence))
    if _one_size(evidence):
        candidates += [*_exchanged(evidence), *_shuffled(evidence)]
    yield from sorted(candidates, key=lambda candidate: candidate.total)[:1]


def _mixed(evidence: Evidence) -> Iterator[Contradiction]:
    """Some images in another layout than the rest."""
    views = evidence.plain
    costs = layout_costs(evidence.pairs, evidence.tables)
    chosen = best_layouts(costs)
    usual = int(np.bincount(chosen).argmax())
    after = costs[views[:, None], chosen[:, None], views, chosen].sum(axis=1)
    before = costs[views[:, None], usual, views, chosen].sum(axis=1)  # with each view by itself in the usual layout
    deviating = np.flatnonzero((chosen != usual) & (after < MAX_VIEW_RATIO * before))
    if len(deviating) == 0:
        return
    shown = np.where(np.isin(views, deviating), chosen, usual) * evidence.count + views
    concerned = evidence.touching(deviating)
    first = mean(evidence.given[concerned])
    cured = evidence.pairs.disagreement(evidence.tables, shown)
    last = mean(cured[concerned])
    if not last < MAX_VIEW_RATIO * first:
        return
    ids = tuple(evidence.pairs.views[n].id for n in deviating)
    variants = [evidence.variants[kind] for kind in dict.fromkeys(chosen[deviating].tolist())]
    rest = "" if usual == 0 else f" and all others {evidence.variants[usual].name}"
    many = len(ids) > 1
    cure = variants[0].cure.replace("the images", "these images" if many else "this image")
    cure = cure or evidence.variants[usual].cure.replace("the images", "all other images")
    text = (
        f"{_views(ids)} {'are' if many else 'is'} laid out unlike the others: {'their' if many else 'its'} pairs "
        f"disagree by {first:.2f} ({SCALE}) and would disagree by only {last:.2f} if {'they' if many else 'it'} were "
        f"{' or '.join(v.name for v in variants)}{rest}. "
        f"{_capital(cure)}, or correct {'their poses' if many else 'its pose'}."
    )
    yield Contradiction(text, tuple(variant.name for variant in variants), ids, first, last, mean(cured))


def _exchanged(evidence: Evidence) -> Iterator[Contradiction]:
    """Two images, each at the other's pose."""
    gains = swap_gains(evidence.pairs, evidence.tables)
    a, b = sorted(int(n) for n in np.unravel_index(np.argmin(gains), gains.shape))
    if not gains[a, b] < MAX_VIEW_RATIO:
        return
    ids = tuple(evidence.pairs.views[n].id for n in (a, b))
    order, concerned = evidence.plain.copy(), evidence.touching(np.array([a, b]))
    order[[a, b]] = b, a
    cured = evidence.pairs.disagreement(evidence.tables, order)
    before, after = mean(evidence.given[concerned]), mean(cured[concerned])
    text = (
        f"{_views(ids)} seem to be exchanged: their pairs disagree by {before:.2f} ({SCALE}) and would disagree by "
        f"only {after:.2f} with each other's image. Exchange their images or their poses."
    )
    yield Contradiction(text, ("exchanged",), ids, before, after, mean(cured))


def _shuffled(evidence: Evidence) -> Iterator[Contradiction]:
    """An arbitrary other order in which the images agree."""
    if evidence.shuffled > MAX_SHUFFLED_RATIO * evidence.disagreement:
        return
    order = best_order(order_costs(evidence.pairs, evidence.tables))
    score = evidence.score(_as_alternative(order))
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


def _as_alternative(order: np.ndarray) -> Alternative:
    return Alternative("in another order", "check which image belongs to which pose", order)


def _unrelated(evidence: Evidence) -> Iterator[Contradiction]:
    """Views that have little in common with the others, which agree."""
    each = evidence.by_view
    typical = float(np.nanmedian(each))
    if not typical < MAX_TYPICAL_DISAGREEMENT:
        return
    for n in np.flatnonzero(each - typical > MIN_UNRELATED_EXCESS * (1 - typical)):
        id = evidence.pairs.views[n].id
        text = (
            f"view '{id}' does not match the others: it disagrees with them by {each[n]:.2f} ({SCALE}), a typical "
            f"view by {typical:.2f}. Check its image and its pose, or leave it out with --leave-out {id}."
        )
        yield Contradiction(text, (), (id,), float(each[n]), typical, typical)


def _views(ids: Sequence[str]) -> str:
    named = ", ".join(f"'{id}'" for id in ids[:MAX_NAMED_VIEWS])
    more = "" if len(ids) <= MAX_NAMED_VIEWS else f" and {len(ids) - MAX_NAMED_VIEWS} more"
    return f"view {named}" if len(ids) == 1 else f"views {named}{more}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
