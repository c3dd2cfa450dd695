"""Whether the X-rays of a case agree under their poses and, if not, which change would make them agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..xray import XRay
from .alternatives import Alternative, intrinsics, orders, whole_layouts
from .arrangement import best_layouts, best_order, layout_costs, order_costs, swap_gains
from .evidence import Evidence, Score, mean

MARGIN = 0.8
"""Disagreement with a change over that without, at and above which it is no cure; whichever view is left out."""
INTRINSICS_MARGIN = 0.7
"""The same for another principal point or image size, which errors of the poses can mimic."""
ORDER_MARGIN = 0.6
"""The same for any order of the images, of which there are very many."""
VIEW_MARGIN = 0.5
"""The same for a change of one or some views, in the pairs with them."""
AS_GOOD = 0.25
"""Alternatives whose gain falls short of the best one's by less than this fraction are named with it."""
AGREEING, UNRELATED = 0.4, 0.55
"""Typical disagreement of a view below which another can be called wrong, and how far that has to lie towards 1."""
NO_BETTER = 1.5
"""Disagreement in random orders over that of the case below which any order is sought."""
MIN_VIEWS = 6
"""Views from which on single ones and any order can be judged."""
MAX_NAMED = 8
"""Views named in a message."""
SCALE = "0: perfect, 1: unrelated images"


@dataclass(frozen=True)
class Contradiction:
    """One way in which images and poses contradict each other.

    text: a warning with evidence and cure. cures: the changes that explain the images, each as well as the others;
    empty when none is known. views: the ids of the views concerned, empty for all. before, after: disagreement of the
    pairs concerned, as given and changed; total: that of all pairs after the change.
    """

    text: str
    cures: tuple[str, ...]
    views: tuple[str, ...]
    before: float
    after: float
    total: float


@dataclass(frozen=True)
class Agreement:
    """What the images say of their poses.

    disagreement: one less the mean correlation of corresponding epipolar lines: 0 when all views agree, 1 when they
    have nothing in common; nan when there is nothing to compare. shuffled: its median with the images in random order.
    undecided: changes under which the images would agree about as well, so that the images cannot exclude them.
    """

    disagreement: float
    shuffled: float
    contradictions: tuple[Contradiction, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(found.text for found in self.contradictions)

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
    """Whether X-rays and poses belong together, on reduced images and without a reconstruction.

    A change of all images is named as the cure only when they agree much better with it, whichever view is left out.
    A scale of the world, a rigid motion of it and, within practical limits, the focal length leave no trace here.
    """
    if len(xrays) < 3:
        return Agreement(np.nan, np.nan)
    evidence = Evidence.of(xrays)
    if not np.isfinite(evidence.disagreement):
        return Agreement(np.nan, np.nan)
    scores = whole_scores(evidence)
    found = next(filter(None, map(tuple, _searches(evidence, scores))), ())
    undecided = () if found else tuple(s.alternative.name for s in scores if s.ratio < 1 / MARGIN)
    return Agreement(evidence.disagreement, evidence.shuffled, found, undecided)


def whole_scores(evidence: Evidence) -> list[Score]:
    """How well all images agree in other layouts and, where they have one size, in other orders."""
    alternatives = list(whole_layouts(evidence.count, evidence.variants))
    if _one_size(evidence):
        alternatives += orders(evidence.count)
    return [evidence.score(alternative) for alternative in alternatives]


def _searches(evidence: Evidence, scores: Sequence[Score]) -> Iterator[Iterator[Contradiction]]:
    """Searches for contradictions, of all views first; what one finds would mislead those after it."""
    yield _whole(evidence, scores, MARGIN)
    yield _whole(evidence, [evidence.score(one) for one in intrinsics(evidence.pairs)], INTRINSICS_MARGIN)
    if evidence.count < MIN_VIEWS:
        return
    yield _misplaced(evidence)
    yield _unrelated(evidence)


def _one_size(evidence: Evidence) -> bool:
    return len({view.size for view in evidence.pairs.views}) == 1


def _whole(evidence: Evidence, scores: Sequence[Score], margin: float) -> Iterator[Contradiction]:
    """A change of all images or poses, with those that are as good."""
    passing = sorted((score for score in scores if score.worst < margin), key=lambda score: score.ratio)
    if not passing:
        return
    best = passing[0].ratio
    equal = [s.alternative for s in passing if 1 - s.ratio >= (1 - AS_GOOD) * (1 - best)]
    names, cures = tuple(one.name for one in equal), list(dict.fromkeys(one.cure for one in equal))
    before = evidence.disagreement
    lead = "" if len(cures) == 1 else "Find out which is true: "
    text = (
        f"X-rays and poses contradict each other: the images disagree by {before:.2f} ({SCALE}) and would by "
        f"{passing[0].after:.2f} {', or '.join(names)}. {lead}{_capital('; or '.join(cures))}; or correct the poses."
    )
    yield Contradiction(text, names, (), before, passing[0].after, passing[0].after)


def _misplaced(evidence: Evidence) -> Iterator[Contradiction]:
    """Some images in another layout, two exchanged or all in another order, whichever explains most."""
    found = list(_mixed(evidence))
    if _one_size(evidence):
        found += [*_exchanged(evidence), *_shuffled(evidence)]
    yield from sorted(found, key=lambda one: one.total)[:1]


def _mixed(evidence: Evidence) -> Iterator[Contradiction]:
    """Some images in another layout than the rest."""
    views = evidence.plain
    costs = layout_costs(evidence.pairs, evidence.tables)
    chosen = best_layouts(costs)
    usual = int(np.bincount(chosen).argmax())
    after = costs[views[:, None], chosen[:, None], views, chosen].sum(axis=1)
    before = costs[views[:, None], usual, views, chosen].sum(axis=1)  # each view alone as most of them are
    odd = np.flatnonzero((chosen != usual) & (after < VIEW_MARGIN * before))
    if len(odd) == 0:
        return
    shown = np.where(np.isin(views, odd), chosen, usual) * evidence.count + views
    concerned = evidence.touching(odd)
    first = mean(evidence.given[concerned])
    cured = evidence.pairs.disagreement(evidence.tables, shown)
    last = mean(cured[concerned])
    if not last < VIEW_MARGIN * first:
        return
    ids = tuple(evidence.pairs.views[n].id for n in odd)
    variants = [evidence.variants[kind] for kind in dict.fromkeys(chosen[odd].tolist())]
    rest = "" if usual == 0 else f" with all others {evidence.variants[usual].name}"
    many = len(ids) > 1
    text = (
        f"{_views(ids)} {'are' if many else 'is'} laid out unlike the others: {'their' if many else 'its'} pairs "
        f"disagree by {first:.2f} ({SCALE}) and would by {last:.2f} {' or '.join(v.name for v in variants)}{rest}. "
        f"{_capital(variants[0].cure.replace('the images', 'these images' if many else 'this image'))}, or correct "
        f"{'their poses' if many else 'its pose'}."
    )
    yield Contradiction(text, tuple(variant.name for variant in variants), ids, first, last, mean(cured))


def _exchanged(evidence: Evidence) -> Iterator[Contradiction]:
    """Two images at each other's pose."""
    gains = swap_gains(evidence.pairs, evidence.tables)
    a, b = sorted(int(n) for n in np.unravel_index(np.argmin(gains), gains.shape))
    if not gains[a, b] < VIEW_MARGIN:
        return
    ids = tuple(evidence.pairs.views[n].id for n in (a, b))
    order, concerned = evidence.plain.copy(), evidence.touching(np.array([a, b]))
    order[[a, b]] = b, a
    cured = evidence.pairs.disagreement(evidence.tables, order)
    before, after = mean(evidence.given[concerned]), mean(cured[concerned])
    text = (
        f"{_views(ids)} seem to be exchanged: their pairs disagree by {before:.2f} ({SCALE}) and would by {after:.2f} "
        "with each other's image. Exchange their images or their poses."
    )
    yield Contradiction(text, ("exchanged",), ids, before, after, mean(cured))


def _shuffled(evidence: Evidence) -> Iterator[Contradiction]:
    """Any other order in which the images agree."""
    if evidence.shuffled > NO_BETTER * evidence.disagreement:
        return
    order = best_order(order_costs(evidence.pairs, evidence.tables))
    score = evidence.score(_as_alternative(order))
    if not score.worst < ORDER_MARGIN:
        return
    ids = [view.id for view in evidence.pairs.views]
    wrong = np.flatnonzero(order != evidence.plain)
    listed = ", ".join(f"the image of '{ids[order[n]]}' to the pose of '{ids[n]}'" for n in wrong[:MAX_NAMED])
    more = "" if len(wrong) <= MAX_NAMED else f", and {len(wrong) - MAX_NAMED} more"
    before = evidence.disagreement
    text = (
        f"images and poses are in different orders: the images disagree by {before:.2f} ({SCALE}) and would by "
        f"{score.after:.2f} in another order, which brings {listed}{more}. Check which image belongs to which "
        "pose."
    )
    yield Contradiction(text, ("in another order",), tuple(ids[n] for n in wrong), before, score.after, score.after)


def _as_alternative(order: np.ndarray) -> Alternative:
    return Alternative("in another order", "check which image belongs to which pose", order)


def _unrelated(evidence: Evidence) -> Iterator[Contradiction]:
    """Views that have little in common with the others, which agree."""
    each = evidence.by_view
    typical = float(np.nanmedian(each))
    if not typical < AGREEING:
        return
    for n in np.flatnonzero(each - typical > UNRELATED * (1 - typical)):
        id = evidence.pairs.views[n].id
        text = (
            f"view '{id}' does not belong to the others: it disagrees with them by {each[n]:.2f} ({SCALE}), the "
            f"typical view by {typical:.2f}. Check its image and its pose, or leave it out with --leave-out {id}."
        )
        yield Contradiction(text, (), (id,), float(each[n]), typical, typical)


def _views(ids: Sequence[str]) -> str:
    named = ", ".join(f"'{id}'" for id in ids[:MAX_NAMED])
    more = "" if len(ids) <= MAX_NAMED else f" and {len(ids) - MAX_NAMED} more"
    return f"view {named}" if len(ids) == 1 else f"views {named}{more}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
