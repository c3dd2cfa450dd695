"""Pixels replaced by what lies around them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

RIM = 3
"""Width in pixels of the rim around a hole that its content is taken from."""
MOST = 200
"""Pixels of the rim that are used, evenly spread."""


def inpainted(image: np.ndarray, holes: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """The image (rows, columns) float32 with each hole filled by the smoothest surface through its rim.

    holes: bool, pixels to replace. trusted: bool, pixels that a rim may consist of. A thin-plate spline, smoothed as
    the rim's noise asks for (Duchon 1977), which is what biharmonic inpainting solves pixel by pixel. A hole without a
    trusted rim stays as it is.
    """
    result = image.astype(np.float32, copy=True)
    labels, count = ndimage.label(holes, np.ones((3, 3)))
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels, count), start=1):
        window = tuple(slice(max(0, part.start - RIM - 1), part.stop + RIM + 1) for part in (rows, columns))
        hole = labels[window] == number
        rim = ndimage.binary_dilation(hole, np.ones((3, 3)), iterations=RIM) & trusted[window] & ~holes[window]
        places = np.argwhere(rim)
        if len(places) < 3 or np.linalg.matrix_rank(places - places.mean(axis=0)) < 2:
            continue
        places = places[:: -(-len(places) // MOST)]
        values = image[window][tuple(places.T)]
        surface = RBFInterpolator(places, values, smoothing=0.05 * len(places), kernel="thin_plate_spline")
        result[window][hole] = surface(np.argwhere(hole))
    return result
