"""Inpainting: holes in an image filled smoothly from their rims."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

RIM_WIDTH_PX = 3
"""Width of the rim around a hole to which the surface is fitted."""
MAX_RIM_PIXELS = 200
"""Number of pixels of the rim that are used at most, evenly spaced."""


def inpainted(image: np.ndarray, holes: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """The image (rows, columns) float32 with each hole filled by a smooth surface through its rim.

    holes: bool, pixels to replace. trusted: bool, pixels that may belong to a rim. The surface is a thin-plate spline
    with smoothing against noise (Duchon 1977), the solution that biharmonic inpainting finds pixel by pixel. A hole
    without a trusted rim is left as it is.
    """
    result = image.astype(np.float32, copy=True)
    labels, count = ndimage.label(holes, np.ones((3, 3)))
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels, count), start=1):
        margin = RIM_WIDTH_PX + 1
        window = tuple(slice(max(0, part.start - margin), part.stop + margin) for part in (rows, columns))
        hole = labels[window] == number
        rim = ndimage.binary_dilation(hole, np.ones((3, 3)), iterations=RIM_WIDTH_PX) & trusted[window] & ~holes[window]
        pixels = np.argwhere(rim)
        if len(pixels) < 3 or np.linalg.matrix_rank(pixels - pixels.mean(axis=0)) < 2:
            continue
        pixels = pixels[:: -(-len(pixels) // MAX_RIM_PIXELS)]
        values = image[window][tuple(pixels.T)]
        surface = RBFInterpolator(pixels, values, smoothing=0.05 * len(pixels), kernel="thin_plate_spline")
        result[window][hole] = surface(np.argwhere(hole))
    return result
