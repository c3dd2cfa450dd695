"""The settings of a simulation, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from ..checks import check_choice, check_range, check_ranges
from ..errors import SettingsError
from ..geometry.trajectory import CArm

Trajectory = Literal["arc", "circular", "random"]
Tissue = Literal["bone", "all"]
MAX_TRUTH_VOXELS = 1024
"""Largest number of voxels along a side of the truth."""


@dataclass(frozen=True)
class SimulationSettings:
    """How a CT becomes a case: region, trajectory of the C-arm, tissue and noise.

    Raises SettingsError for a value out of range.
    """

    name: str = "simulation"
    """Name of the case."""
    center: tuple[float, float, float] | None = None
    """Isocentre and centre of the region, (x, y, z) LPS mm; None: the centre of the CT."""
    size: float = 160.0
    """Side length of the cubic region, mm."""
    spacing: float = 1.25
    """Voxel size of the true volume, mm."""
    crop: bool = False
    """Project the region only; otherwise the whole CT is projected, as in a C-arm."""
    views: int = 25
    """Number of views to reconstruct from."""
    test_views: int = 5
    """Number of noise-free views to test with."""
    trajectory: Trajectory = "arc"
    """An arc that tilts to either side, a full circle without tilt, or random poses."""
    span: float = 200.0
    """Range of orbital angles of an arc or of random poses, degrees."""
    tilt: float = 25.0
    """Largest angulation to either side of an arc or of random poses, degrees."""
    arm: CArm = field(default_factory=CArm)
    tissue: Tissue = "bone"
    """bone: attenuation times a logistic step in HU, which removes soft tissue; all: attenuation of all tissue."""
    bone_threshold: float = 200.0
    """HU at the midpoint of that step."""
    bone_softness: float = 30.0
    """Width of that step, HU."""
    contrast_agent: bool = False
    """The CT shows contrast agent in vessels, heart, kidneys or bowel, which shall not count as bone."""
    photons: float | None = 50_000.0
    """Photons per pixel in the open field; None or 0: no noise."""
    seed: int = 0
    """Random seed of noise and random poses."""
    credit: str = ""
    """Author and licence of the CT, written to CREDIT.txt."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {
                "size": (1.0, 5000.0, "mm"),
                "views": (2, 10_000),
                "test_views": (1, 10_000),
                "span": (0.0, 360.0, "degrees"),
                "tilt": (0.0, 89.0, "degrees"),
                "bone_threshold": (-1000.0, 10_000.0, "HU"),
                "bone_softness": (0.1, 1000.0, "HU"),
                "seed": (0, 2**63),
            },
        )
        check_range("spacing", self.spacing, self.size / MAX_TRUTH_VOXELS, self.size, "mm")
        if self.photons:
            check_range("photons", self.photons, 1.0, 1e12)
        check_choice("trajectory", self.trajectory, get_args(Trajectory))
        check_choice("tissue", self.tissue, get_args(Tissue))
        if self.trajectory == "arc" and self.span in (0, 360):
            raise SettingsError(
                f"span of an arc is {self.span} degrees, which repeats poses; expected between 0 and 360, or 'circular'"
            )
        if self.center is not None and (len(self.center) != 3 or not np.isfinite(self.center).all()):
            raise SettingsError(f"center is {self.center}, expected three numbers (LPS mm) or None")
