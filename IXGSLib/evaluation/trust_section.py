"""The section of the report that says whether its volume can be trusted."""

from __future__ import annotations

from html import escape

from .page import section, table
from .trust import LIMITS, Limit, Signs, Trust

TITLE = "Can this volume be trusted?"
NAMES = {
    "views": "Views",
    "angle": "Widest angle between views",
    "synthetic": "Standardised X-rays",
    "score": "Lowest in-distribution score",
    "disagreement": "Disagreement of X-rays under their poses, of that in random order",
    "residual": "Contrast left unexplained in a typical view",
    "overfit": "Used views explained better than held-out ones by",
    "unmeasured": "Pixels not measured in a typical view",
    "bone": "Bone in the region",
    "core": "Bone that is more than a layer of one voxel",
}
FORMATS = {
    "angle": "{:.0f}°",
    "disagreement": "{:.0%}",
    "residual": "{:.0%}",
    "overfit": "{:.1f} dB",
    "score": "{:.2f}",
    "unmeasured": "{:.0%}",
    "bone": "{:.1%}",
    "core": "{:.0%}",
}


def trust_section(trust: Trust) -> str:
    """The verdict, and all signs with their limits."""
    kind = "warnings" if trust.reasons else "notices"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in trust.reasons)
    verdict = f"<p><b>{escape(trust.headline)}</b></p>" + (f'<ul class="{kind}">{reasons}</ul>' if reasons else "")
    rows = [
        [title, _text(name, getattr(trust.signs, name)), _expected(name, trust.signs)] for name, title in NAMES.items()
    ]
    return section(TITLE, verdict, table(["Sign", "This run", "Expected"], rows, numbers=(1, 2)))


def _text(name: str, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return FORMATS.get(name, "{}").format(value)


def _expected(name: str, signs: Signs) -> str:
    """The limit of a sign of this run; empty for one that is only shown."""
    return ", ".join(_bound(limit) for limit in LIMITS if limit.sign == name and limit.applies(signs))


def _bound(limit: Limit) -> str:
    return f"{'at most' if limit.above else 'at least'} {_text(limit.sign, limit.value)}"
