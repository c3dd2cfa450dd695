"""X-rays at a lower resolution."""

from __future__ import annotations

import numpy as np

from .radiograph import XRay


def reduced(xray: XRay, factor: int) -> XRay:
    """The X-ray with blocks of factor x factor pixels averaged, and its view adapted exactly.

    A block is measured when at least half of its pixels are; only those are averaged. Rows and columns that do not
    fill a block at the right and the bottom are cropped. A factor larger than the image is reduced to its size.
    """
    factor = min(factor, *xray.view.size)
    if factor <= 1:
        return xray
    width, height = (n // factor for n in xray.view.size)
    view = xray.view.cropped(0, 0, (width * factor, height * factor)).resized((width, height))
    window = (slice(height * factor), slice(width * factor))
    mask = _blocks(xray.mask[window], factor).sum(axis=(1, 3))
    total = _blocks(np.where(xray.mask, xray.image, 0)[window], factor).sum(axis=(1, 3), dtype=np.float64)
    return XRay(view, total / np.maximum(mask, 1), 2 * mask >= factor * factor, xray.values)


def _blocks(image: np.ndarray, factor: int) -> np.ndarray:
    height, width = image.shape
    return image.reshape(height // factor, factor, width // factor, factor)
