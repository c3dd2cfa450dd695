"""Prior knowledge about bodies, as a cost of a cloud."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..gaussians import Cloud
from ..geometry import Grid
from ..rendering import voxelize
from .algebraic import body_grid
from .bone_prior import BonePrior, PriorPenalty
from .gap_penalty import gap_penalty
from .settings import ReconstructionSettings
from .start import Findings
from .total_variation import total_variation

TISSUE_RIM_MM = 5.0
"""Margin around a region of soft tissue that is included, since Gaussians across its border would become rough."""


class Priors:
    """Total variation, the gap penalty, and differences from the body model and from the bone that is expected.

    grid: the region. settings: resolved for the findings. expected: on the grid of the region, if there is any.
    """

    def __init__(
        self,
        grid: Grid,
        settings: ReconstructionSettings,
        found: Findings,
        device: torch.device,
        expected: BonePrior | None = None,
    ) -> None:
        self.settings, self.typical = settings, found.typical
        self.expected = None if expected is None else PriorPenalty(expected, found.typical, device)
        self.rim = TISSUE_RIM_MM if found.tissue else 0.0
        self.grid = grid.padded(self.rim)
        self.body: Tensor | None = None
        if found.body is not None and settings.tissue.body_weight:
            self.body_grid = body_grid(grid, settings)
            self.body = torch.tensor(found.body.values(self.body_grid), device=device)

    def __call__(self, cloud: Cloud, step: int) -> Tensor:
        """The cost, a scalar; total variation and gap penalty are evaluated on a sub-grid drawn for the step."""
        loss, typical = self.settings.loss, self.typical
        generator = np.random.default_rng((self.settings.schedule.seed, 2, step))
        if self.expected is None:
            values = voxelize(cloud, self._patch(generator))
        else:
            grid, part = self.expected.part(generator, loss.tv_size)
            values = voxelize(cloud, grid)
        cost = total_variation(values, loss.tv_knee * typical) * (loss.tv_weight / typical)
        if loss.gap_weight:
            cost = cost + gap_penalty(values, loss.gap * typical) * (loss.gap_weight * loss.gap)
        if self.expected is not None:
            cost = cost + self.expected(values, part) * loss.prior_weight
        if self.body is not None:
            difference = (voxelize(cloud, self.body_grid) - self.body).square().mean()
            cost = cost + difference * (self.settings.tissue.body_weight / typical**2)
        return cost

    def _patch(self, generator: np.random.Generator) -> Grid:
        """A random sub-grid of the region and its rim at the volume's spacing."""
        spacing = float(self.grid.spacing.min())
        side = np.minimum(self.settings.loss.tv_size * spacing + 2 * self.rim, self.grid.size)
        local = generator.uniform(-0.5, 0.5, 3) * (self.grid.size - side)
        return Grid.centered(self.grid.center + self.grid.direction @ local, side, spacing, self.grid.direction)
