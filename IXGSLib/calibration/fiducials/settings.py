"""The settings of a calibration from fiducials."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import Limits, check_range, check_ranges, check_whole
from ...errors import SettingsError

LIMITS: dict[str, Limits] = {
    "position_tolerance_mm": (0.0, 10.0, "mm"),
    "focal_tolerance": (0.0001, 0.5),
    "max_rms_px": (0.05, 20.0, "px"),
    "min_fiducials": (6, 1000),
    "rotation_tolerance_deg": (0.01, 20.0, "degrees"),
    "translation_tolerance_mm": (0.01, 200.0, "mm"),
    "seed": (0, 2**63),
}
OPTIONAL_LIMITS: dict[str, Limits] = {
    "source_detector_mm": (200.0, 5000.0, "mm"),
    "detector_pixel_mm": (0.005, 5.0, "mm"),
    "diameter_mm": (0.2, 30.0, "mm"),
    "known_distance_mm": (1.0, 2000.0, "mm"),
}
"""Smallest and largest value of each number that may be None."""


@dataclass(frozen=True)
class FiducialSettings:
    """What is known of C-arm and fiducials, and what is accepted.

    Raises SettingsError for a value out of range.
    """

    source_detector_mm: float | None = None
    """Nominal distance from source to detector, mm; by default that of DICOM's tags."""
    detector_pixel_mm: float | None = None
    """Nominal side of a detector pixel, mm; by default that of DICOM's tags."""
    focal_tolerance: float = 0.02
    """Standard deviation of the nominal focal length, as a fraction of it; where it is not known, 0.15 is used."""
    diameter_mm: float | None = None
    """Diameter of the fiducials, mm, where the phantom does not state it."""
    position_tolerance_mm: float = 0.05
    """Standard deviation of the phantom's positions, mm, within which they are adjusted; 0 holds them."""
    mirrored: bool = False
    """The images are stored mirrored: turn each X-ray upside down when it is read, which undoes it."""
    max_rms_px: float = 1.0
    """Largest root mean square of a view's residuals, px; views above it are left out."""
    min_fiducials: int = 6
    """Fewest fiducials of a view that is calibrated."""
    known_distance_mm: float | None = None
    """Without a phantom: the measured distance between the two fiducials that are furthest apart, mm."""
    rotation_tolerance_deg: float = 2.0
    """Without a phantom: standard deviation of the approximate poses' rotations, degrees."""
    translation_tolerance_mm: float = 10.0
    """Without a phantom: standard deviation of the approximate poses' translations, mm."""
    seed: int = 0
    """Random seed of the search for labels."""

    def __post_init__(self) -> None:
        check_ranges(self, {name: limits for name, limits in LIMITS.items() if name not in ("min_fiducials", "seed")})
        check_whole("min_fiducials", self.min_fiducials, *LIMITS["min_fiducials"])
        check_whole("seed", self.seed, *LIMITS["seed"])
        for name, limits in OPTIONAL_LIMITS.items():
            if getattr(self, name) is not None:
                check_range(name, getattr(self, name), *limits)
        if (self.source_detector_mm is None) != (self.detector_pixel_mm is None):
            raise SettingsError(
                "source_detector_mm and detector_pixel_mm make the focal length together, expected both or neither; "
                "state the other one too"
            )
