"""What to simulate, as one checked value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from ..errors import SettingsError
from ..geometry.trajectory import CArm

Trajectory = Literal["arc", "circular", "random"]
Tissue = Literal["bone", "all"]
MAXIMUM_SIDE = 1024
"""Voxels along a side of the truth."""


@dataclass(frozen=True)
class SimulationSettings:
    """How a CT becomes a case: the region, the C-arm's trajectory, what attenuates and the noise.

    Raises SettingsError for a value out of its range.
    """

    name: str = "simulation"
    """What the case is called."""
    center: tuple[float, float, float] | None = None
    """(x, y, z) LPS mm around which the region lies and the C-arm turns; None: the centre of the CT."""
    size: float = 160.0
    """Side of the cubic region, mm."""
    spacing: float = 1.25
    """Side of the truth's voxels, mm."""
    crop: bool = False
    """Project the region alone; otherwise all of the CT is projected, as a C-arm does it."""
    views: int = 25
    """Views to reconstruct from."""
    test_views: int = 5
    """Noise-free views to test with."""
    trajectory: Trajectory = "arc"
    """An arc that swings to either side, a full circle without tilt, or random poses."""
    span: float = 200.0
    """Degrees of orbit, of an arc or of random poses."""
    tilt: float = 25.0
    """Degrees of angulation to either side, of an arc or of random poses."""
    arm: CArm = field(default_factory=CArm)
    tissue: Tissue = "bone"
    """bone weights attenuation by a logistic step in HU, so that soft tissue vanishes; all does not."""
    bone_threshold: float = 200.0
    """HU at which that step is at one half."""
    bone_softness: float = 30.0
    """Logistic width of that step, HU."""
    photons: float | None = 50_000.0
    """Per pixel in the open field; None or 0: no noise."""
    seed: int = 0
    """Of the noise and of random poses."""
    credit: str = ""
    """Who made the CT and under which licence, written beside the case."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("size", 1.0, 5000.0),
            ("spacing", self.size / MAXIMUM_SIDE, self.size),
            ("views", 2, 10_000),
            ("test_views", 1, 10_000),
            ("span", 0.0, 360.0),
            ("tilt", 0.0, 89.0),
            ("bone_threshold", -1000.0, 10_000.0),
            ("bone_softness", 0.1, 1000.0),
            ("seed", 0, 2**63),
        ):
            _check_range(name, getattr(self, name), low, high)
        if self.photons:
            _check_range("photons", self.photons, 1.0, 1e12)
        if self.trajectory == "arc" and self.span in (0, 360):
            raise SettingsError(
                f"span of an arc is {self.span} degrees, which repeats poses; expected between 0 and 360, or 'circular'"
            )
        for name, choices in (("trajectory", get_args(Trajectory)), ("tissue", get_args(Tissue))):
            if getattr(self, name) not in choices:
                raise SettingsError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(choices)}")
        if self.center is not None and (len(self.center) != 3 or not np.isfinite(self.center).all()):
            raise SettingsError(f"center is {self.center}, expected three numbers (LPS mm) or None")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value}, expected a number from {low:g} to {high:g}")
