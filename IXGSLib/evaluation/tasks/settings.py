"""The settings of the task metrics, checked."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import check_range, check_ranges
from ...errors import SettingsError


@dataclass(frozen=True)
class TaskSettings:
    """How vertebrae are measured and screws are planned and graded.

    Raises SettingsError for a value out of range.
    """

    threshold: float | None = None
    """Bone threshold in 1/mm; None: the one that suits the truth."""
    reach: float = 5.0
    """Largest distance in mm from a surface of the label, to either side, at which its edge in a volume may lie."""
    wall_tolerance: float = 2.0
    """Largest error in mm with which a medial wall counts as detected."""
    footprint: float = 0.7
    """Fraction of the body's half width and half depth within which its endplates are measured."""
    screw_diameter: float = 6.0
    """Diameter of a pedicle screw, mm."""
    displacements: tuple[float, ...] = (-6.0, -4.0, -2.0, 2.0, 4.0, 6.0)
    """Lateral displacements in mm, medial ones negative, of the screws that are graded beside the planned one."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {
                "reach": (1.0, 20.0, "mm"),
                "wall_tolerance": (0.1, 20.0, "mm"),
                "footprint": (0.2, 0.95),
                "screw_diameter": (1.0, 12.0, "mm"),
            },
        )
        if self.threshold is not None:
            check_range("threshold", self.threshold, 1e-4, 1.0, "1/mm")
        for displacement in self.displacements:
            check_range("displacements", displacement, -30.0, 30.0, "mm")
        if len(set(self.displacements)) != len(self.displacements):
            raise SettingsError(f"displacements are {self.displacements}, expected each of them once")
