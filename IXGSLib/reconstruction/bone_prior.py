"""What is expected of the bone in a region before it is fitted to X-rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import SettingsError
from ..geometry import Grid
from ..geometry.rigid import apply
from ..volume import Volume

MIN_ERROR = 0.1
"""Smallest expected error that counts, as a share of the typical attenuation."""


@dataclass(frozen=True, eq=False)
class BonePrior:
    """Expected attenuation of bone and its expected absolute error, 1/mm, on the grid of the region.

    Raises SettingsError for grids that differ.
    """

    bone: Volume
    error: Volume

    def __post_init__(self) -> None:
        if not np.allclose(self.bone.grid.world_from_index, self.error.grid.world_from_index) or (
            self.bone.grid.shape != self.error.grid.shape
        ):
            raise SettingsError(
                f"a prior of {self.bone.grid.shape} voxels with errors of {self.error.grid.shape}, expected one grid; "
                "resample one of them"
            )

    def on(self, grid: Grid) -> BonePrior:
        """The prior itself; raises SettingsError if it does not lie on a grid."""
        own = self.bone.grid
        if own.shape != grid.shape or not np.allclose(own.world_from_index, grid.world_from_index):
            raise SettingsError(
                f"a prior on another grid ({own.shape} voxels) than that of the region ({grid.shape}); estimate it on "
                "the grid of the case"
            )
        return self


class PriorPenalty:
    """Squared differences from a prior in units of its error, on parts of its grid.

    typical: attenuation in 1/mm.
    """

    def __init__(self, prior: BonePrior, typical: float, device: torch.device) -> None:
        self.grid = prior.bone.grid
        self.bone = torch.tensor(prior.bone.values, dtype=torch.float32, device=device)
        error = np.maximum(prior.error.values, MIN_ERROR * typical).astype(np.float32)
        self.precision = torch.tensor(1 / error**2, device=device)

    def part(self, generator: np.random.Generator, side: int) -> tuple[Grid, tuple[slice, slice, slice]]:
        """A random part of the grid with `side` voxels along each axis, or as many as there are, and its indices."""
        sides = [min(side, count) for count in self.grid.shape]
        starts = [int(generator.integers(n - own + 1)) for n, own in zip(self.grid.shape, sides, strict=True)]
        k, j, i = (slice(start, start + own) for start, own in zip(starts, sides, strict=True))
        origin = apply(self.grid.world_from_index, (i.start, j.start, k.start))
        nk, nj, ni = sides
        return Grid((nk, nj, ni), self.grid.spacing, origin, self.grid.direction), (k, j, i)

    def __call__(self, values: Tensor, part: tuple[slice, slice, slice]) -> Tensor:
        """The mean over a part, a scalar, of values [k, j, i] on it."""
        return ((values - self.bone[part]).square() * self.precision[part]).mean()
