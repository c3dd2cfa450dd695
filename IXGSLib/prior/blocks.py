"""A U-Net on a lattice, built from residual blocks."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_WIDTH_FACTOR = 4
"""Channels of the inner levels as a multiple of the first level's."""
GROUP = 8
"""Channels that are normalised together; with fewer, all of them."""


class VolumeNetwork(nn.Module):
    """A U-Net of residual blocks with group normalisation (Wu and He, ECCV 2018)."""

    def __init__(self, channels: int, width: int, levels: int) -> None:
        super().__init__()
        widths = [width * min(2**level, MAX_WIDTH_FACTOR) for level in range(levels)]
        self.stem = nn.Conv3d(channels, width, 1)
        self.down = nn.ModuleList([_Block(a, b) for a, b in itertools.pairwise([width, *widths])])
        self.up = nn.ModuleList([_Block(a + b, a) for a, b in itertools.pairwise(widths)])
        self.norm = _normalization(width)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, width, nk, nj, ni) from (batch, channels, nk, nj, ni); sides are multiples of 2^(levels - 1)."""
        values = self.stem(values)
        kept = []
        for level, block in enumerate(self.down):
            values = block(F.avg_pool3d(values, 2) if level else values)
            kept.append(values)
        values = kept.pop()
        for block in reversed(self.up):
            values = F.interpolate(values, scale_factor=2, mode="nearest")
            values = block(torch.cat([values, kept.pop()], dim=1))
        return F.silu(self.norm(values))


class _Block(nn.Module):
    """Two convolutions beside which the input passes unchanged, and at the start of training alone."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = _normalization(before), _normalization(after)
        self.first = nn.Conv3d(before, after, 3, padding=1)
        self.second = nn.Conv3d(after, after, 3, padding=1)
        self.past = nn.Conv3d(before, after, 1) if before != after else nn.Identity()
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, values: Tensor) -> Tensor:
        # In place, because large new arrays take as long as what is computed in them.
        inner = self.first(F.silu(self.first_norm(values), inplace=True))
        changed: Tensor = self.second(F.silu(self.second_norm(inner), inplace=True))
        return changed.add_(self.past(values))


def _normalization(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // GROUP if channels % GROUP == 0 else 1, channels)
