"""The number and kind of the training pairs rendered from each CT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..checks import check_choice, check_ranges
from ..simulation.imaging_settings import ImagingSettings

PairDevice = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class PairSettings:
    """Number, size and target of the pairs; raises SettingsError for a value out of range."""

    count: int = 100
    """Pairs per CT."""
    size: int = 256
    """Pixels along each side."""
    displayed: float = 0.5
    """Fraction of the pairs whose X-ray is as a C-arm displays it; the others are the logarithm of the signal."""
    lesions: float = 0.5
    """Fraction of the pairs in which fractures and lytic lesions are put into the bone around the isocentre."""
    seed: int = 0
    """Random seed of anatomies, poses and imaging settings."""
    bone_threshold: float = 200.0
    """HU at the midpoint of the target's logistic step."""
    bone_softness: float = 30.0
    """Width of that logistic step, HU."""

    contrast_agent: bool = True
    """Recognise contrast agent in vessels, heart, kidneys and bowel, so that it does not count as bone."""
    device: PairDevice = "cpu"
    """Where X-rays are computed. Those of a GPU differ from those of a CPU by rounding and by their noise."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {
                "count": (1, 1_000_000),
                "size": (16, 4096, "pixels"),
                "displayed": (0, 1),
                "lesions": (0, 1),
                "seed": (0, 2**63),
            },
        )
        check_choice("device", self.device, get_args(PairDevice))
        self.imaging()

    def imaging(self) -> ImagingSettings:
        """Imaging settings with this target."""
        return ImagingSettings(bone_threshold=self.bone_threshold, bone_softness=self.bone_softness)
