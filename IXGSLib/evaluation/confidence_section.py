"""The section of the report that shows where its volume can be relied on."""

from __future__ import annotations

from html import escape

import numpy as np

from ..geometry.rigid import Array
from ..volume import Volume
from ..volume.confidence_colours import CONFIDENCE_COLOURS, CONFIDENCE_OPACITIES, CONFIDENCE_RANGE
from .confidence import Confidence
from .confidence.summary import summary_of
from .page import figure, section
from .pictures import colour_bar, coloured, framed, grey, with_scale_bar
from .planes import SLICES, Plane, cut, edge_letters, slice_grid

TITLE = "Where can this volume be relied on?"
COLOURS = np.array(CONFIDENCE_COLOURS, dtype=np.float64)
OPACITIES = np.array(CONFIDENCE_OPACITIES)
BLACK = 20.0
"""Grey under the colours of the legend."""
CALIBRATED_ON = {
    "clean": "X-rays of bone alone",
    "tissue": "X-rays of all tissue without scatter",
    "classical": "realistic X-rays that the classical method standardised",
    "pix2pix": "realistic X-rays that the network standardised",
    "learnt": "realistic X-rays that the network standardised, with the learnt prior",
}


def confidence_section(confidence: Confidence, point: Array, levels: tuple[float, float]) -> str:
    """One sentence on the bone surface, and three slices through a point (3,) LPS mm under the confidence in colour."""
    meaning = (
        "The colour is the estimated probability that a voxel is rightly labelled bone or not bone, at "
        f"{confidence.threshold:.3g} 1/mm: red is 50 % or less, or seen by no X-ray, yellow is 75 %, and there is no "
        "colour where it is 100 %. The estimate was calibrated on simulated "
        f"{CALIBRATED_ON[confidence.kind]} and knows no errors that those do not have."
    )
    if confidence.foreign:
        meaning += " It was made for another method or other weights of the network, so that the map may be too sure."
    shown = OPACITIES[:, None] * COLOURS + (1 - OPACITIES[:, None]) * BLACK
    legend = colour_bar(shown, "a guess, or not seen", "doubtful", "reliable")
    figures = "".join(_slice(confidence, plane, point, levels) for plane in SLICES)
    sentence = f"<p><b>{escape(summary_of(confidence).sentence)}</b></p>"
    return section(TITLE, sentence, f"<p>{escape(meaning)}</p>", legend, f'<div class="row">{figures}</div>')


def _slice(confidence: Confidence, plane: Plane, point: Array, levels: tuple[float, float]) -> str:
    probability = Volume(confidence.probability, confidence.volume.grid)
    return overlay_slice("Confidence", confidence.volume, probability, plane, point, levels)


def overlay_slice(
    title: str, volume: Volume, probability: Volume, plane: Plane, point: Array, levels: tuple[float, float]
) -> str:
    """A slice of a volume through a point (3,) LPS mm under the colours of a probability on its grid."""
    grid = slice_grid(volume.grid, plane, point)
    inside = volume.grid.contains(grid.points()[0])
    picture = overlaid(grey(cut(volume, grid), *levels), cut(probability, grid), inside)
    size = float(grid.size[0]), float(grid.size[1])
    svg = framed(picture, size, f"{title}, {plane.name}", edge_letters(plane.right, plane.down))
    return figure(with_scale_bar(svg, size), plane.name)


def overlaid(picture: np.ndarray, probability: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 under the colours of a confidence (h, w), where it is `inside`."""
    colours = coloured(probability, *CONFIDENCE_RANGE, COLOURS).astype(np.float64)
    places = np.linspace(*CONFIDENCE_RANGE, len(OPACITIES))
    opacity = np.interp(probability, places, OPACITIES)[..., None]
    mixed = (1 - opacity) * picture + opacity * colours
    return np.where(inside[..., None], mixed.round(), picture).astype(np.uint8)
