"""Small pictures of X-rays for the panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..xray import XRay
from ..xray.reduction import reduced

MAX_SIDE = 512
"""Pixels along the longer side of a picture, at most."""


def reduced_for_display(xray: XRay) -> XRay:
    """The X-ray with pixels merged until no side is longer than MAX_SIDE."""
    return reduced(xray, -(-max(xray.view.size) // MAX_SIDE))


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write a (rows, columns) uint8 picture as PNG."""
    Image.fromarray(picture).save(path)
