"""The number and kind of the series rendered from each CT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..checks import check_ranges
from ..errors import SettingsError
from ..resources import shipped_weights
from ..simulation.imaging_settings import ImagingSettings


@dataclass(frozen=True)
class SeriesSettings:
    """Number, size and region of the series; raises SettingsError for a value out of range."""

    standardizer: Path | None = None
    """Weights of the network that standardises the X-rays; by default those that come with IXGS."""
    count: int = 100
    """Series per CT."""
    views: int = 24
    """X-rays of each series."""
    subsets: int = 3
    """Sets of X-rays of each series that are reconstructed: all of them, and random ones."""
    min_views: int = 3
    """Smallest number of X-rays in a random set."""
    displayed: float = 0.3
    """Fraction of the series whose X-rays are as a C-arm displays them, so that their values have no unit."""
    lesions: float = 0.5
    """Fraction of the series in which fractures and lytic lesions are put into the bone."""
    voxels: int = 64
    """Voxels along each side of the region."""
    spacing: float = 2.5
    """Voxel size of the region, mm."""
    pose_errors: float = 1.0
    """Largest errors of poses, as a multiple of 0.3 degrees and 0.5 mm; half of the subsets have true poses."""
    seed: int = 0
    """Random seed of anatomies, poses and imaging settings."""
    bone_threshold: float = 200.0
    """HU at the midpoint of the step that defines bone."""
    bone_softness: float = 30.0
    """Width of that logistic step, HU."""
    contrast_agent: bool = True
    """Recognise contrast agent in vessels, heart, kidneys and bowel, so that it does not count as bone."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {
                "count": (1, 1_000_000),
                "views": (2, 200),
                "subsets": (1, 100),
                "min_views": (2, 200),
                "displayed": (0, 1),
                "lesions": (0, 1),
                "voxels": (16, 512),
                "spacing": (0.1, 20.0, "mm"),
                "pose_errors": (0, 20),
                "seed": (0, 2**63),
            },
        )
        if self.min_views > self.views:
            raise SettingsError(f"min_views is {self.min_views}, expected at most the {self.views} views; change one")
        self.imaging()

    @property
    def side(self) -> float:
        """Side length of the region, mm."""
        return self.voxels * self.spacing

    def imaging(self) -> ImagingSettings:
        """Imaging settings with this target."""
        return ImagingSettings(bone_threshold=self.bone_threshold, bone_softness=self.bone_softness)

    def weights(self) -> Path:
        """The weights of the network that standardises; raises SettingsError where none are given and none come."""
        found = self.standardizer or shipped_weights()
        if found is None:
            raise SettingsError("no weights of the network that standardises X-rays; give --standardizer FILE")
        return found
