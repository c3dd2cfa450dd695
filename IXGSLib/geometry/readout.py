"""Calibrations of images of another size than the given ones, which were binned or resized on export."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..errors import FormatError, IXGSWarning
from . import View
from .rigid import Array

SCALES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0, 3.0, 4.0)
"""Ratios of two readout sizes of one detector."""
MIN_FAR_DISTANCE = 0.25
"""Distance of the principal point from an image's centre, as a fraction of the side, from which it is unusual."""
MAX_CENTRE_DISTANCE = 0.04
"""Largest distance of the principal point from an image's centre that counts as centred, as a fraction of the side."""


def at_image_size(view: View, size: tuple[int, int]) -> View:
    """The view of a calibration for an image of (width, height) pixels of the same detector area, with a warning.

    Raises FormatError where width and height are not scaled by one factor, but for rounding to whole pixels: then the
    image was cropped or is another.
    """
    (width, height), (calibrated_width, calibrated_height) = size, view.size
    if size == view.size:
        return view
    if not _is_resized(size, view.size):
        raise FormatError(
            f"view '{view.id}': the image is {width} x {height} pixels, the calibration {calibrated_width} x "
            f"{calibrated_height}, which no single factor explains; use the image that was calibrated or calibrate at "
            "its size"
        )
    warnings.warn(
        f"view '{view.id}': the image is {width} x {height} pixels, the calibration {calibrated_width} x "
        f"{calibrated_height}; K was multiplied by {width / calibrated_width:.6g}, as for an image that was resized as "
        "a whole. If it was cropped or padded, shift the principal point instead and state the new size",
        IXGSWarning,
        stacklevel=2,
    )
    return view.resized(size)


def _is_resized(size: tuple[int, int], calibrated: tuple[int, int]) -> bool:
    """Whether one factor makes both sides of another size, each rounded up or down to whole pixels."""
    ratios = [((side - 1) / old, (side + 1) / old) for side, old in zip(size, calibrated, strict=True)]
    both_changed = size[0] != calibrated[0] and size[1] != calibrated[1]
    return both_changed and max(low for low, _ in ratios) < min(high for _, high in ratios)


def size_mismatch(views: Sequence[View]) -> str | None:
    """A sentence with the cure, where the principal points are the centres of images of another size; else None."""
    place, size = median_principal_point(views), views[0].size
    for scale in SCALES:
        if np.abs(place / scale - 0.5).max() < MAX_CENTRE_DISTANCE:
            width, height = (round(side * scale) for side in size)
            return (
                f"the principal ray meets the images at {percent(place)}, the centre of images of {width} x {height} "
                f"pixels, not of {size[0]} x {size[1]}: the views were calibrated at another image size. Give the "
                f'images in that size, state it ("size": [{width}, {height}] of each view in case.json), or multiply '
                f"the first two rows of K by {1 / scale:.4g}."
            )
    off_centre, off_turned = (np.abs(place * size / sides - 0.5).max() for sides in (size, size[::-1]))
    if off_turned < MAX_CENTRE_DISTANCE <= off_centre:
        return (
            f"the principal ray meets the images at {percent(place)}, the centre of images of {size[1]} x {size[0]} "
            f"pixels, not of {size[0]} x {size[1]}: width and height are exchanged. Rotate the images by 90 degrees as "
            "they were calibrated."
        )
    return None


def odd_size(views: Sequence[View]) -> str | None:
    """A sentence with the cure, if a view differs from most in its size but not in its focal length; else None.

    Another readout of the same detector changes size and focal length by the same factor.
    """
    usual = Counter(view.size for view in views).most_common(1)[0][0]
    focal = float(np.median([view.K[0, 0] for view in views if view.size == usual]))
    for view in views:
        ratio, resized = view.K[0, 0] / focal, view.size[0] / usual[0]
        if view.size != usual and abs(ratio - 1) < abs(ratio / resized - 1):
            return (
                f"view '{view.id}' has {view.size[0]} x {view.size[1]} pixels, the others {usual[0]} x {usual[1]}, "
                "with the same focal length in pixels. Give it at the size of the calibration, or its own K."
            )
    return None


def far_principal_point(views: Sequence[View]) -> str | None:
    """A sentence with the cure, if the principal rays meet the images near the border or outside; else None."""
    place = median_principal_point(views)
    if np.abs(place - 0.5).max() < MIN_FAR_DISTANCE:
        return None
    width, height = views[0].size
    return (
        f"the principal ray meets the images at {percent(place)}; check that K is in pixels, includes the principal "
        f"point and belongs to images of {width} x {height} pixels."
    )


def median_principal_point(views: Sequence[View]) -> Array:
    """(2,) the median principal point over the image's (width, height), from 0 at the outer edge to 1 at the other."""
    return np.median([(view.K[:2, 2] + 0.5) / view.size for view in views], axis=0)


def percent(place: Array) -> str:
    """A position (2,) in an image, in words."""
    return f"{100 * place[0]:.0f} % of the width and {100 * place[1]:.0f} % of the height"
