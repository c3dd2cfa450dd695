"""How unlike a body a cloud is, whatever the X-rays say."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..gaussians import Cloud
from ..geometry import Grid
from ..rendering import voxelize
from .algebraic import trunk_grid
from .body_model import Trunk
from .gap_penalty import half_filled
from .settings import ReconstructionSettings
from .total_variation import total_variation

RIM = 5.0
"""Millimetres around a region of soft tissue that are looked at too: what straddles its border would go rough."""


class Priors:
    """What is held against a cloud: roughness, half-filled voxels among bone, and differences from the trunk around it.

    grid: the region. unit: a typical attenuation in 1/mm. sparse: whether most of the region is empty. trunk: what
    it lies in where it is full of soft tissue.
    """

    def __init__(
        self,
        grid: Grid,
        settings: ReconstructionSettings,
        unit: float,
        sparse: bool,
        trunk: Trunk | None,
        device: torch.device,
    ) -> None:
        self.settings, self.unit, self.sparse = settings, unit, sparse
        self.rim = 0.0 if sparse else RIM
        self.grid = grid.padded(self.rim)
        self.tissue = None
        if trunk is not None and settings.trunk_weight:
            self.around = trunk_grid(grid, settings)
            self.tissue = torch.tensor(trunk.values(self.around), device=device)

    def __call__(self, cloud: Cloud, step: int) -> Tensor:
        """A scalar; roughness and half-filled voxels are those of a sub-grid that is drawn for the step."""
        s = self.settings
        values = voxelize(cloud, self._patch(step))
        weight, knee = (s.tv_weight, s.tv_knee) if self.sparse else (s.dense_tv_weight, s.dense_tv_knee)
        loss = total_variation(values, knee * self.unit) * (weight / self.unit)
        if self.sparse:
            loss = loss + half_filled(values, s.gap * self.unit) * (s.gap_weight * s.gap)
        if self.tissue is not None:
            apart = (voxelize(cloud, self.around) - self.tissue).square().mean()
            loss = loss + apart * (s.trunk_weight / self.unit**2)
        return loss

    def _patch(self, step: int) -> Grid:
        """A random sub-grid of the region and its rim at the volume's spacing."""
        generator = np.random.default_rng((self.settings.seed, 2, step))
        spacing = float(self.grid.spacing.min())
        side = np.minimum(self.settings.tv_size * spacing + 2 * self.rim, self.grid.size)
        local = generator.uniform(-0.5, 0.5, 3) * (self.grid.size - side)
        return Grid.centered(self.grid.center + self.grid.direction @ local, side, spacing, self.grid.direction)
