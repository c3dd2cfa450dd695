"""The settings of a refinement of poses."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import check_range, check_whole

MIN_VIEWS = 6
"""Number of views from which poses can be refined: with fewer, wrong poses agree as well as right ones."""


@dataclass(frozen=True)
class RefinementSettings:
    """What is known of the errors of the poses, and how much work is done; raises SettingsError when out of range."""

    rotation_error: float = 2.0
    """Expected error of each pose: rotation about the region, degrees (standard deviation)."""
    shift_error: float = 6.0
    """Expected error of each pose: shift parallel to the detector, at the region, mm (standard deviation)."""
    beam_error: float = 10.0
    """Expected error of each pose: shift along the beam, mm (standard deviation)."""
    starts: int = 3
    """Number of starts, or a few more where results differ; their spread shows how far the poses are determined."""
    iterations: int = 15
    """Largest number of iterations at each of the resolutions."""
    seed: int = 0
    """Seed of the random starts."""

    def __post_init__(self) -> None:
        check_range("refinement: rotation_error", self.rotation_error, 1e-3, 30)
        check_range("refinement: shift_error", self.shift_error, 1e-3, 200)
        check_range("refinement: beam_error", self.beam_error, 1e-3, 500)
        check_whole("refinement: starts", self.starts, 1, 20)
        check_whole("refinement: iterations", self.iterations, 1)
        check_whole("refinement: seed", self.seed, 0)
