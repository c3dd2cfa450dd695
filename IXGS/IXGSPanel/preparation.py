"""What is done to X-rays before they are reconstructed."""

from __future__ import annotations

from dataclasses import dataclass

from .pose_refinement import PoseRefinement
from .region import RegionSection
from .standardization import StandardizationSection


@dataclass(frozen=True)
class Preparation:
    """The sections that decide it."""

    poses: PoseRefinement
    standardization: StandardizationSection
    region: RegionSection

    def problem(self) -> str:
        """Why the X-rays cannot be prepared, or nothing."""
        return self.poses.problem() or self.standardization.problem()
