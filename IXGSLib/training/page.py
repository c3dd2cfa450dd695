"""A page of pictures that shows what a network makes of some X-rays."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..evaluation.pictures import DIVERGING, coloured, grey
from ..standardization.generator import Generator
from ..xray import png
from .augmentation import sample
from .pairs import PairFolder
from .validation import standardized

MARGIN, LINE = 6, 16
"""Pixels around pictures and per line of text."""
TITLES = ("input", "output", "target", "output - target")


def page(generator: Generator, folder: PairFolder, names: tuple[str, ...], scale: float, title: str) -> bytes:
    """A PNG with a row per pair: input, output, target and their difference, in windows that are the row's own."""
    rows = []
    for name in names:
        pair = folder.load(name)
        pictures, target = sample(pair)
        made, truth = standardized(generator, pictures[None], scale)[0], target[0]
        high = max(float(np.percentile(truth, 99.8)), 1e-3)
        difference = coloured(made - truth, -high / 2, high / 2, DIVERGING)
        rows.append(
            [grey(np.where(pair.field, pair.picture, 0), 0, 1), grey(made, 0, high), grey(truth, 0, high), difference]
        )
    return _laid_out(rows, title)


def _laid_out(rows: list[list[np.ndarray]], title: str) -> bytes:
    height, width = rows[0][0].shape[:2]
    top = 2 * LINE + MARGIN
    size = len(TITLES) * (width + MARGIN) + MARGIN, top + len(rows) * (height + MARGIN)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 2), title, fill="black")
    for column, words in enumerate(TITLES):
        left = MARGIN + column * (width + MARGIN)
        draw.text((left, LINE + 2), words, fill="black")
        for row, pictures in enumerate(rows):
            sheet.paste(Image.fromarray(pictures[column]), (left, top + row * (height + MARGIN)))
    return png.encode(np.asarray(sheet))
