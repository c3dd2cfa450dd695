"""Contradictions of some views: laid out otherwise, exchanged, out of place, empty or of another density."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..geometry.rigid import Array
from .arrangement import best_layouts, layout_costs, swap_gains
from .contradiction import SCALE, Contradiction, capital, named_views
from .evidence import Evidence, mean

MAX_VIEW_RATIO = 0.5
"""Ratio of the disagreement of the pairs that include the changed views to that before, below which it is a cure."""
MAX_TYPICAL_DISAGREEMENT, MIN_UNRELATED_EXCESS = 0.4, 0.55
"""Median disagreement of the views below which a single view can be judged, and the fraction of the way from that
median to 1 beyond which the view counts as unrelated."""
MIN_DEVIATIONS, MIN_EXCESS, MIN_SPREAD = 4.0, 0.25, 0.03
"""Number of robust standard deviations, and difference from the median, beyond which the disagreement of a view is out
of the ordinary; smallest standard deviation that is assumed."""
MIN_NARROW_DISAGREEMENT = 0.9
"""Disagreement beyond which a view with a narrow field counts as unrelated, too."""
MIN_DENSITY_FACTOR, MIN_DENSITY_SPREAD = 2.2, 0.05
"""Ratio of a view's line integrals to those of the others from which it is reported; smallest standard deviation of its
logarithm that is assumed."""


def laid_out_otherwise(evidence: Evidence) -> Iterator[Contradiction]:
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
        f"{named_views(ids)} {'are' if many else 'is'} laid out unlike the others: {'their' if many else 'its'} pairs "
        f"disagree by {first:.2f} ({SCALE}) and would disagree by only {last:.2f} if {'they' if many else 'it'} were "
        f"{' or '.join(v.name for v in variants)}{rest}. "
        f"{capital(cure)}, or correct {'their poses' if many else 'its pose'}."
    )
    yield Contradiction(text, tuple(variant.name for variant in variants), ids, first, last, mean(cured))


def exchanged(evidence: Evidence) -> Iterator[Contradiction]:
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
        f"{named_views(ids)} seem to be exchanged: their pairs disagree by {before:.2f} ({SCALE}) and would disagree "
        f"by only {after:.2f} with each other's image. Exchange their images or their poses."
    )
    yield Contradiction(text, ("exchanged",), ids, before, after, mean(cured))


def unrelated(evidence: Evidence) -> Iterator[Contradiction]:
    """Views that have little in common with the others, which agree."""
    each = evidence.by_view
    typical = float(np.nanmedian(each))
    alone = (each - typical > MIN_UNRELATED_EXCESS * (1 - typical)) & (typical < MAX_TYPICAL_DISAGREEMENT)
    # Good views disagree more at the ends of an arc, and more with views at a right angle: both must be exceeded.
    unusual = _is_far_above(each) & _is_far_above(evidence.unexpected)
    comparable = ~evidence.is_narrow | (each > MIN_NARROW_DISAGREEMENT)
    for n in np.flatnonzero((alone | unusual) & comparable):
        id = evidence.pairs.views[n].id
        text = (
            f"view '{id}' does not match the others: it disagrees with them by {each[n]:.2f} ({SCALE}), a typical "
            f"view by {typical:.2f}. Check its image and its pose, or leave it out with --leave-out {id}."
        )
        yield Contradiction(text, (), (id,), float(each[n]), typical, typical)


def _is_far_above(values: Array) -> np.ndarray:
    """(views,) which values are far above the median, measured by the median absolute deviation."""
    above = values - np.nanmedian(values)
    spread = max(1.4826 * float(np.nanmedian(np.abs(above))), MIN_SPREAD)
    return above > max(MIN_DEVIATIONS * spread, MIN_EXCESS)


def empty(evidence: Evidence) -> Iterator[Contradiction]:
    """Views whose images are constant."""
    for n in np.flatnonzero(~evidence.own_tables.any(axis=(1, 2))):
        id, before = evidence.pairs.views[n].id, evidence.disagreement
        text = f"view '{id}' shows nothing: its image is constant. Export it again, or leave it out"
        yield Contradiction(f"{text} with --leave-out {id}.", (), (id,), before, before, before)


def of_another_density(evidence: Evidence) -> Iterator[Contradiction]:
    """Views whose line integrals are a multiple of those of the views that agree with them."""
    logarithm = evidence.densities - np.median(evidence.densities)
    spread = max(1.4826 * float(np.median(np.abs(logarithm))), MIN_DENSITY_SPREAD)
    far = np.abs(logarithm) > max(MIN_DEVIATIONS * spread, np.log(MIN_DENSITY_FACTOR))
    for n in np.flatnonzero(far & ~evidence.is_narrow):
        id, times = evidence.pairs.views[n].id, float(np.exp(logarithm[n]))
        before = float(evidence.by_view[n])
        text = (
            f"the line integrals of view '{id}' are {times:.2g} times as large as the other views predict; check "
            f"its i0 and how its pixels were scaled, or leave it out with --leave-out {id}."
        )
        yield Contradiction(text, (), (id,), before, before, evidence.disagreement)
