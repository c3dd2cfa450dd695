"""The X-rays and the outlines of vertebrae over them as separate layers, for programs that draw them themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..files import write_atomically
from ..xray import XRay
from ..xray.reduction import reduced
from ..xray.windowing import grey_picture
from .overlays import Outlines
from .record import COMPARED, OUTLINES, XRAYS

MAX_SIDE = 1024
"""Pixels along the longer side of a picture, at most."""
DIGITS = 1
"""Decimals of the coordinates, pixels."""


def save_layers(folder: Path, xrays: Sequence[XRay], compared: Sequence[XRay], drawn: Mapping[str, Outlines]) -> None:
    """Write outlines.json, xrays/N.png and, where the CT was compared with others, compared/N.png.

    compared: X-rays of the same views. drawn: outlines in pixels of the X-rays, by view id and vertebra; in
    outlines.json they are in pixels of the pictures.
    """
    differ = any(one.image is not other.image for one, other in zip(xrays, compared, strict=True))
    for name, pictured in ((XRAYS, xrays), (COMPARED, compared)) if differ else ((XRAYS, xrays),):
        (folder / name).mkdir()
        for n, xray in enumerate(pictured):
            small = _small(xray)
            Image.fromarray(grey_picture(small.image, small.mask)).save(folder / name / f"{n:03d}.png")
    views = [_entry(n, xray, drawn[xray.view.id], differ) for n, xray in enumerate(xrays)]
    write_atomically(folder / OUTLINES, (json.dumps({"views": views}) + "\n").encode())


def _small(xray: XRay) -> XRay:
    return reduced(xray, -(-max(xray.view.size) // MAX_SIDE))


def _entry(n: int, xray: XRay, outlines: Outlines, compared: bool) -> dict[str, Any]:
    scale = _small(xray).view.K[0, 0] / xray.view.K[0, 0]
    return {
        "id": xray.view.id,
        "xray": f"{XRAYS}/{n:03d}.png",
        "compared": f"{COMPARED}/{n:03d}.png" if compared else None,
        "outlines": {name: [_resized(line, scale) for line in lines] for name, lines in outlines.items()},
    }


def _resized(line: np.ndarray, scale: float) -> list[list[float]]:
    """Coordinates that count from the centre of the first pixel, in a picture of another size."""
    return np.round((line + 0.5) * scale - 0.5, DIGITS).tolist()
