"""Where a collimator or the round field of an image intensifier hides the detector."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from . import field_outline

SMALLEST = 16
"""Pixels along the shorter side below which nothing is sought."""
WORKING_SIZE = 400
"""Pixels along the longer side at which shadows are sought; blades are coarser than that."""
FLOOR = 1e-3
"""Part of the open field below which intensities count as equally dark."""
FAINTEST = 1e-5
"""The same where edges are sought, which may lie behind a thick patient."""
DARK_SPREAD = 2.0
"""Factor within which a shadow is uniform; a patient is not."""
EDGE_CONTRAST = 3.0
"""Factor by which the field rises over the shadow within a few pixels."""
CONVEXITY = 0.97
"""Part of its convex hull that an exposed field fills: straight blades and round irises leave convex fields."""

DENT = 0.25
"""Part of the shadow that may dent the field: a rod or a dense spot at the border dents it with all of its area."""


def collimated(intensity: np.ndarray, i0: float) -> np.ndarray:
    """(height, width) bool: pixels in shadow at the border of an intensity image.

    A shadow touches the border, is uniform, ends in a steep edge and leaves a convex field; or, where scatter lights it
    up, the field has a round or straight edge towards it that is steep all along. A dense patient at the border has
    none of these, so that in doubt nothing is masked.
    """
    ways = ((WORKING_SIZE, FLOOR, _uniform), (field_outline.SIZE, FAINTEST, field_outline.shadow_outside))
    for size, floor, shadow in ways:
        step = max(1, -(-max(intensity.shape) // size))
        level = np.log(np.maximum(_binned(intensity, step), floor * i0) / i0)
        found = shadow(level) if min(level.shape) >= SMALLEST else None
        if found is not None:
            wider = ndimage.binary_dilation(found, np.ones((3, 3)), iterations=-(-2 * size // WORKING_SIZE))
            full = np.kron(wider, np.ones((step, step), dtype=bool))
            return full[: intensity.shape[0], : intensity.shape[1]]
    return np.zeros(intensity.shape, dtype=bool)


def _uniform(level: np.ndarray) -> np.ndarray | None:
    """The uniform shadow in the logarithm of intensity, if there is one."""
    level = ndimage.median_filter(level, 3)
    border = np.concatenate([level[0], level[-1], level[:, 0], level[:, -1]])
    dark = float(np.mean(np.sort(border)[: max(8, border.size // 50)]))
    shadow = _touching_border(level < dark + np.log(DARK_SPREAD))
    if dark > np.log(0.1) or not 0.002 < shadow.mean() < 0.95:
        return None
    return shadow if _steep(level, shadow, dark) and _convex(~shadow) else None


def _binned(image: np.ndarray, step: int) -> np.ndarray:
    """Means of step x step blocks, the last ones filled up with edge pixels."""
    height, width = image.shape
    padded = np.pad(image, ((0, -height % step), (0, -width % step)), mode="edge")
    return padded.reshape(padded.shape[0] // step, step, -1, step).mean(axis=(1, 3))


def _touching_border(candidates: np.ndarray) -> np.ndarray:
    """The connected parts of a bool image that reach its border."""
    labels, _ = ndimage.label(candidates)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return candidates & np.isin(labels, np.unique(rim[rim > 0]))


def _steep(level: np.ndarray, shadow: np.ndarray, dark: float) -> bool:
    """Whether the field is clearly brighter than the shadow at 2 to 5 pixels from it."""
    distance = ndimage.distance_transform_edt(~shadow)
    ring = level[(distance >= 2) & (distance <= 5)]
    return bool(ring.size and np.median(ring) > dark + np.log(EDGE_CONTRAST))


def _convex(field: np.ndarray) -> bool:
    """Whether the one large part of a bool image fills its convex hull."""
    labels, count = ndimage.label(field)
    if count == 0:
        return False
    largest = ndimage.binary_fill_holes(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))
    rows = np.flatnonzero(largest.any(axis=1))
    left = largest[rows].argmax(axis=1) - 0.5
    right = largest.shape[1] - largest[rows, ::-1].argmax(axis=1) - 0.5
    corners = [np.stack([x, rows + dy], axis=1) for x in (left, right) for dy in (-0.5, 0.5)]
    try:
        hull = ConvexHull(np.concatenate(corners))
    except QhullError:
        return False
    dent = hull.volume - largest.sum()
    return bool(largest.sum() > CONVEXITY * max(hull.volume, field.sum()) and dent < DENT * (~field).sum())
