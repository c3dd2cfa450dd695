"""X-rays that are to be calibrated, and what is known of their intrinsics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import GeometryError
from ...xray.fiducials import noise_level
from .camera import Intrinsics

UNKNOWN_FOCAL_WIDTHS, UNKNOWN_FOCAL_SD = 3.8, 0.15
"""Focal length in image widths of a usual C-arm, and its relative standard deviation, where nothing is stated."""
NOISE_STEPS = (1, 2, 3)
"""Distances in pixels at which noise is measured."""
CENTRE_SD = 0.02
"""Standard deviation of the principal point, as a fraction of the image's width."""


@dataclass(frozen=True, eq=False)
class Shot:
    """An X-ray without a pose.

    image: (rows, columns) line integrals. mask: bool, measured pixels. source_detector and detector_pixel: nominal,
    mm, None where they are not known.
    """

    id: str
    image: np.ndarray
    mask: np.ndarray
    source_detector: float | None = None
    detector_pixel: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.image.shape[1], self.image.shape[0]

    @cached_property
    def noise(self) -> float:
        """Standard deviation of a pixel, also where the noise of neighbours is alike: in blurred images."""
        return max(noise_level(self.image, self.mask, step) for step in NOISE_STEPS)

    @property
    def pixel_spacing(self) -> tuple[float, float] | None:
        return None if self.detector_pixel is None else (self.detector_pixel, self.detector_pixel)


def nominal_intrinsics(shots: Sequence[Shot], focal_tolerance: float) -> Intrinsics:
    """The intrinsics that all shots share, with the principal point in the middle; a usual C-arm's if none are stated.

    Raises GeometryError for no shots, and for shots of different sizes or distances, which do not share intrinsics.
    """
    if not shots:
        raise GeometryError("no X-rays to calibrate, expected at least one; check the path")
    sizes = {shot.size for shot in shots}
    if len(sizes) > 1:
        named = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
        raise GeometryError(
            f"the X-rays have different sizes ({named}), expected one readout of one detector; calibrate each size on "
            "its own"
        )
    width, height = shots[0].size
    known = [
        shot.source_detector / shot.detector_pixel
        for shot in shots
        if shot.source_detector is not None and shot.detector_pixel is not None
    ]
    if known and max(known) > 1.05 * min(known):
        raise GeometryError(
            f"the X-rays state focal lengths from {min(known):.0f} to {max(known):.0f} px, expected one; calibrate the "
            "X-rays of each source-detector distance or zoom on their own"
        )
    focal = float(np.median(known)) if known else UNKNOWN_FOCAL_WIDTHS * max(width, height)
    return Intrinsics(
        focal,
        ((width - 1) / 2, (height - 1) / 2),
        (width, height),
        focal_sd=focal_tolerance if known else UNKNOWN_FOCAL_SD,
        centre_sd=CENTRE_SD * width,
    )
