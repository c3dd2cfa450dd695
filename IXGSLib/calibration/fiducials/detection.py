"""The round shadows in an X-ray that may be those of fiducials."""

from __future__ import annotations

import numpy as np

from ...geometry.rigid import Array
from ...xray.fiducials import MIN_RADIUS_PX, Fiducial, candidates
from .hypotheses import Shadows
from .shots import Shot

MAX_SHADOWS = 60
"""Largest number of shadows of a view that are labelled, the most certain first."""
SAME_RADIUS, SAME_CONTRAST = 1.5, 2.5
"""Ratios within which shadows are those of one kind of ball."""
STRANGER = 0.2
"""Certainty of a shadow of another size or contrast than most, relative to one of theirs."""
RADIUS_FRACTIONS = (0.002, 0.015)
"""Smallest and largest radius of a shadow as a fraction of the image's width, where nothing is known."""
MAGNIFICATIONS = (1.05, 2.6)
"""Smallest and largest magnification of a fiducial."""


def radius_range(
    width: int, diameters: tuple[float, float] | None, detector_pixel: float | None
) -> tuple[float, float]:
    """Smallest and largest radius of shadows, px, from the diameters of fiducials and a detector pixel's side, mm."""
    if diameters is None or detector_pixel is None:
        low, high = (fraction * width for fraction in RADIUS_FRACTIONS)
    else:
        low, high = (d / 2 * m / detector_pixel for d, m in zip(diameters, MAGNIFICATIONS, strict=True))
    return max(MIN_RADIUS_PX, 0.8 * low), max(1.5 * MIN_RADIUS_PX, 1.2 * high)


def found_shadows(shot: Shot, diameters: tuple[float, float] | None) -> list[Fiducial]:
    """The round shadows of an X-ray, without overlaps, the most certain first.

    diameters: smallest and largest of the fiducials, mm, if they are known.
    """
    low, high = radius_range(shot.size[0], diameters, shot.detector_pixel)
    found = candidates(shot.image, shot.mask, 1.0, (2 * low, 2 * high), shot.noise)
    kept: list[Fiducial] = []
    for each in sorted(found, key=lambda one: -one.correlation):
        if all(np.hypot(each.x - other.x, each.y - other.y) > max(each.radius, other.radius) for other in kept):
            kept.append(each)
    certainty = certainties(kept)
    order = np.argsort(-certainty, kind="stable")[:MAX_SHADOWS]
    return [kept[n] for n in order]


def certainties(found: list[Fiducial]) -> Array:
    """(n,) how certain each shadow is, from its correlation and from how many others are like it."""
    if not found:
        return np.empty(0)
    sizes = np.log([(one.radius, one.contrast) for one in found])
    quality = np.array([max(one.correlation, 0.0) for one in found]) ** 4
    alike = (np.abs(sizes[:, None] - sizes) <= np.log([SAME_RADIUS, SAME_CONTRAST])).all(axis=2)
    # Metal makes larger and denser shadows than noise and trabeculae, of which there may be more.
    strength = quality * np.exp(sizes.sum(axis=1))
    own_kind = alike[(alike @ strength).argmax()]
    return np.where(own_kind, quality, STRANGER * quality)


def as_shadows(found: list[Fiducial], field: np.ndarray | None = None) -> Shadows:
    """The shadows of one view as arrays; field: bool (rows, columns), its measured pixels."""
    pixels = np.array([(one.x, one.y) for one in found]).reshape(-1, 2)
    return Shadows(pixels, np.array([one.radius for one in found]), np.maximum(certainties(found), 1e-3), field)
