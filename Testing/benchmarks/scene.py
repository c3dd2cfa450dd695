"""A cubic region of a CT and the C-arm that images it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.trajectory import CArm, circular, random, trajectory
from IXGSLib.simulation.attenuation import all_tissue, bone_enhanced
from IXGSLib.simulation.settings import Tissue
from IXGSLib.volume import Volume
from IXGSLib.volume.images import read_image

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Scene:
    """What is in the X-rays and where they are taken from; lengths in mm."""

    title: str
    ct: str
    """Its folder in the data beside the checkout."""
    center: tuple[float, float, float]
    """Of the cube and of the C-arm's turns, LPS."""
    views: int = 30
    """How many there are; a case takes the first of them."""
    size: float = 160.0
    spacing: float = 1.25
    tissue: Tissue = "bone"
    whole: bool = False
    """The X-rays show all of the CT; otherwise the cube alone."""
    circle: bool = False
    """Views on a full circle; otherwise at random poses over `span` degrees of orbit."""
    span: float = 200.0
    pixels: int = 256
    """Along each side of the detector."""
    photons: float = 50_000.0
    unseen_views: int = 10

    @property
    def region(self) -> Grid:
        return Grid.centered(self.center, np.full(3, self.size), self.spacing)

    def poses(self) -> tuple[list[View], list[View]]:
        """The views to reconstruct from, and random test views over 200 degrees."""
        arm = CArm(detector_pixels=(self.pixels, self.pixels))
        angles = circular(self.views) if self.circle else random(self.views, self.span, seed=1)
        unseen = random(self.unseen_views, seed=2)
        return trajectory(arm, angles, self.center), trajectory(arm, unseen, self.center)

    def body(self) -> Volume:
        """The attenuation of the CT on its own lattice."""
        hounsfield, grid = read_image(DATA / self.ct / "ct.nii.gz")
        return Volume(all_tissue(hounsfield) if self.tissue == "all" else bone_enhanced(hounsfield), grid)
