"""A U-Net on a lattice, built from residual blocks."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_WIDTH_FACTOR = 4
"""Channels of the inner levels as a multiple of the first level's."""
NORMALIZATION_EPSILON = 1e-4


class VolumeNetwork(nn.Module):
    """A U-Net in which each voxel is normalised by itself, so that a part of a lattice is processed like the whole."""

    def __init__(self, channels: int, width: int, levels: int) -> None:
        super().__init__()
        widths = [width * min(2**level, MAX_WIDTH_FACTOR) for level in range(levels)]
        self.down = nn.ModuleList([_Block(a, b) for a, b in itertools.pairwise([channels, *widths])])
        self.up = nn.ModuleList([_Block(a + b, a) for a, b in itertools.pairwise(widths)])

    def forward(self, values: Tensor) -> Tensor:
        """(batch, width, nk, nj, ni) from (batch, channels, nk, nj, ni); sides are multiples of 2^(levels - 1)."""
        kept = []
        for level, block in enumerate(self.down):
            values = block(F.avg_pool3d(values, 2) if level else values)
            kept.append(values)
        values = kept.pop()
        for block in reversed(self.up):
            values = F.interpolate(values, scale_factor=2, mode="nearest")
            values = block(torch.cat([values, kept.pop()], dim=1))
        return values


class _Block(nn.Module):
    """Two convolutions beside which the input passes unchanged, and at the start of training alone."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(before, 1, 1, 1))
        self.first = nn.Conv3d(before, after, 3, padding=1)
        self.second = nn.Conv3d(after, after, 3, padding=1)
        self.past = nn.Conv3d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, values: Tensor) -> Tensor:
        # Root mean square over the channels of a voxel (Zhang and Sennrich, NeurIPS 2019): no other voxel changes it.
        size = values.float().square().mean(dim=1, keepdim=True).add(NORMALIZATION_EPSILON).rsqrt()
        inner = F.silu(self.first(values * size * self.scale))
        return self.past(values) + self.second(inner)
