"""The architecture of the network that estimates bone from all X-rays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..checks import check_ranges


@dataclass(frozen=True)
class BoneNetworkSettings:
    """Sizes of the network; raises SettingsError for a value out of range."""

    width: int = 32
    """Channels of the first level; the second has twice as many, all others four times as many."""
    levels: int = 4
    """Levels, each at half the resolution of the one before."""
    spacing: float = 2.5
    """Voxel size of the lattice, mm; bone is estimated in voxels of half the size."""
    pixels: int = 256
    """Pixels along each side of the images that features are taken from."""

    def __post_init__(self) -> None:
        check_ranges(self, {"width": (2, 128), "levels": (2, 6), "spacing": (0.1, 20.0, "mm"), "pixels": (16, 2048)})

    @property
    def multiple(self) -> int:
        """The sides of a lattice are multiples of this number of voxels."""
        return int(2 ** (self.levels - 1))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
