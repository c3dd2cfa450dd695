"""The section of the report that shows where a learnt prior decided."""

from __future__ import annotations

from html import escape

from ..geometry.rigid import Array
from ..volume import Volume
from .confidence_section import overlay_slice
from .page import section
from .planes import SLICES
from .prior_share import PriorShare

TITLE = "Where did the learnt prior decide?"
MEANING = (
    "A network that was trained on other patients estimated the bone from all X-rays together; the volume started from "
    "it and was kept near it. There is colour where the volume follows the network and not what the X-rays show "
    "without it: yellow by half, red altogether. Look for the bone under colour in the X-rays themselves."
)


def prior_section(share: PriorShare, point: Array, levels: tuple[float, float]) -> str:
    """One sentence, and three slices through a point (3,) LPS mm under the share of the prior in colour."""
    # The colours of confidence: none at 1, red at one half.
    confidence = Volume(1 - share.share.values / 2, share.share.grid)
    figures = "".join(
        overlay_slice("Share of the prior", share.volume, confidence, plane, point, levels) for plane in SLICES
    )
    sentence = f"<p><b>{escape(share.sentence)}</b></p>"
    return section(TITLE, sentence, f"<p>{escape(MEANING)}</p>", f'<div class="row">{figures}</div>')
