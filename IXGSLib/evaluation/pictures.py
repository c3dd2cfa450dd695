"""Arrays as pictures on a page: grey windows, colours, letters and scale bars."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
from PIL import Image

from ..xray.windowing import to_grey

JPEG_QUALITY = 88
NOT_MEASURED = np.array([186, 141, 60], dtype=np.uint8)
"""The colour of masked pixels: neither a grey nor a colour of the difference map."""
DIVERGING = np.array([[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]], dtype=np.float64)
"""Blue, white, red as ColorBrewer's RdBu: equally dark at both ends, and distinct for colour-blind readers."""
SCALE_BARS = (100, 50, 20, 10, 5, 2, 1)
"""Lengths of scale bars in mm."""


def grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(h, w) as (h, w, 3) uint8: black at `low`, white at `high`."""
    return np.repeat(to_grey(values, low, high)[..., None], 3, axis=2)


def coloured(values: np.ndarray, low: float, high: float, colours: np.ndarray) -> np.ndarray:
    """(h, w) as (h, w, 3) uint8 along a list of colours at equal steps from `low` to `high`."""
    level = np.clip((values - low) / max(high - low, 1e-12), 0, 1) * (len(colours) - 1)
    steps = np.arange(len(colours))
    return np.stack([np.interp(level, steps, channel) for channel in colours.T], axis=-1).round().astype(np.uint8)


def shrunk(values: np.ndarray, largest: int) -> np.ndarray:
    """float32 (h, w) downsampled by averaging so that no side exceeds `largest` pixels."""
    height, width = values.shape
    scale = largest / max(height, width)
    if scale >= 1:
        return values.astype(np.float32)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BOX))


def data_uri(picture: np.ndarray) -> str:
    """(h, w, 3) uint8 as a JPEG in a data: URI."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if not np.ptp(picture, axis=2).any():
        image = image.convert("L")
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def tinted(picture: np.ndarray, weight: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 mixed with one colour by a weight (h, w) from 0 to 1."""
    return (picture + weight[..., None] * (colour - picture.astype(np.float64))).round().astype(np.uint8)


def framed(
    picture: np.ndarray, size: tuple[float, float], label: str, letters: tuple[str, ...] = (), text: float = 0.05
) -> str:
    """An SVG of a picture with `size` = (width, height), in any unit.

    letters: for the left, right, top and bottom edge, if any; their height is `text` times the longer side.
    label: for screen readers.
    """
    width, height = size
    text *= max(width, height)
    places = [
        (text * 0.35, height / 2 + text * 0.35, "start"),
        (width - text * 0.35, height / 2 + text * 0.35, "end"),
        (width / 2, text * 1.05, "middle"),
        (width / 2, height - text * 0.4, "middle"),
    ]
    marks = "".join(
        f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}" font-size="{text:.2f}">{escape(letter)}</text>'
        for letter, (x, y, anchor) in zip(letters, places, strict=False)
    )
    return (
        f'<svg viewBox="0 0 {width:.2f} {height:.2f}" role="img" aria-label="{escape(label)}">'
        f'<image href="{data_uri(picture)}" width="{width:.2f}" height="{height:.2f}" preserveAspectRatio="none"/>'
        f"{marks}</svg>"
    )


def with_scale_bar(svg: str, size: tuple[float, float]) -> str:
    """A picture from `framed` whose size is in mm, with a scale bar in its lower right corner."""
    width, height = size
    length = next((bar for bar in SCALE_BARS if bar <= 0.3 * width), SCALE_BARS[-1])
    text = max(width, height) * 0.04
    right, bottom, thick = width - text * 0.7, height - text * 0.7, text * 0.22
    bar = (
        f'<rect x="{right - length:.2f}" y="{bottom - thick:.2f}" width="{length}" height="{thick:.2f}"/>'
        f'<text x="{right:.2f}" y="{bottom - 2.5 * thick:.2f}" text-anchor="end" font-size="{text:.2f}">'
        f"{length} mm</text>"
    )
    return svg.removesuffix("</svg>") + bar + "</svg>"


def colour_bar(colours: np.ndarray, low: str, middle: str, high: str) -> str:
    """A legend for `coloured`: the colours, and a text for the low end, the middle and the high end."""
    stops = ", ".join(f"rgb({', '.join(str(int(c)) for c in colour)})" for colour in colours)
    words = "".join(f"<span>{escape(word)}</span>" for word in (low, middle, high))
    return f'<div class="bar"><div style="background: linear-gradient(90deg, {stops})"></div><p>{words}</p></div>'
