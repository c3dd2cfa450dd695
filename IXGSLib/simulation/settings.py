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

    name: what the case is called.
    center: (x, y, z) LPS mm around which the region lies and the C-arm turns; None: the centre of the CT.
    size, spacing: side of the cubic region and of the truth's voxels, mm.
    crop: whether the region alone is projected; otherwise all of the CT is, as a C-arm does it.
    views, test_views: how many there are to train with and to test with.
    trajectory: "arc" (span and tilt to either side, degrees), "circular" (a full turn; neither is used) or "random".
    tissue: "bone" weights attenuation by a logistic step in HU, so that soft tissue vanishes; "all" does not.
    bone_threshold, bone_softness: where that step is at one half, and its logistic width, HU.
    photons: per pixel in the open field; None or 0: no noise.
    seed: of the noise and of random poses.
    credit: who made the CT and under which licence, written beside the case.
    Raises SettingsError for a value out of its range.
    """

    name: str = "simulation"
    center: tuple[float, float, float] | None = None
    size: float = 160.0
    spacing: float = 1.25
    crop: bool = False
    views: int = 25
    test_views: int = 5
    trajectory: Trajectory = "arc"
    span: float = 200.0
    tilt: float = 25.0
    arm: CArm = field(default_factory=CArm)
    tissue: Tissue = "bone"
    bone_threshold: float = 200.0
    bone_softness: float = 30.0
    photons: float | None = 50_000.0
    seed: int = 0
    credit: str = ""

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
