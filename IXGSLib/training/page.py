"""A page of images that shows the output of a network for some pairs."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..evaluation.pictures import DIVERGING, coloured, grey
from ..standardization.generator import Generator
from ..xray import png
from .augmentation import sample
from .pair_format import PairFolder
from .validation import standardized

MARGIN_PX, LINE_HEIGHT_PX = 6, 16
TITLES = ("input", "output", "target", "output - target")


def page(generator: Generator, folder: PairFolder, names: tuple[str, ...], scale: float, title: str) -> bytes:
    """A PNG with a row per pair: input, output, target and difference, each row with a grey window of its own."""
    rows = []
    for name in names:
        pair = folder.load(name)
        given = sample(pair)
        made, truth = standardized(generator, given.picture[None], scale)[0], given.target[0]
        high = max(float(np.percentile(truth, 99.8)), 1e-3)
        difference = coloured(made - truth, -high / 2, high / 2, DIVERGING)
        rows.append(
            [grey(np.where(pair.field, pair.picture, 0), 0, 1), grey(made, 0, high), grey(truth, 0, high), difference]
        )
    return _laid_out(rows, title)


def _laid_out(rows: list[list[np.ndarray]], title: str) -> bytes:
    height, width = rows[0][0].shape[:2]
    top = 2 * LINE_HEIGHT_PX + MARGIN_PX
    size = len(TITLES) * (width + MARGIN_PX) + MARGIN_PX, top + len(rows) * (height + MARGIN_PX)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN_PX, 2), title, fill="black")
    for column, words in enumerate(TITLES):
        left = MARGIN_PX + column * (width + MARGIN_PX)
        draw.text((left, LINE_HEIGHT_PX + 2), words, fill="black")
        for row, pictures in enumerate(rows):
            sheet.paste(Image.fromarray(pictures[column]), (left, top + row * (height + MARGIN_PX)))
    return png.encode(np.asarray(sheet))
