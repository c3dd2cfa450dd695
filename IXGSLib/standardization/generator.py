"""The generator of Pix2Pix: a U-Net from X-rays to bone-enhanced radiographs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .generator_settings import GeneratorSettings
from .normalization import CHANNELS

MAX_WIDTH_FACTOR = 4
"""Channels of the inner levels as a multiple of the first level's."""
DEEP_LEVELS = 3
"""Innermost levels of the encoder, which have two blocks instead of one."""


class Generator(nn.Module):
    """A U-Net (Ronneberger et al., MICCAI 2015) of residual blocks (He et al., ECCV 2016) with a softplus output.

    Squares of 2 x 2 pixels are the channels of the first level and of the output, so that no level is as expensive as
    the image is large, and every pixel still reaches the output past all coarser levels. Each image is normalised by
    itself, so that no result depends on another image.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        count, group = settings.levels, settings.group
        widths = [settings.width * min(level + 1, MAX_WIDTH_FACTOR) for level in range(count)]
        self.stem = nn.Conv2d(4 * CHANNELS, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        for level, (before, after) in enumerate(itertools.pairwise([widths[0], *widths])):
            blocks = [_Block(before, after, group)]
            if level >= count - DEEP_LEVELS and level > 0:
                blocks.append(_Block(after, after, group))
            self.down.append(nn.Sequential(*blocks))
        self.up = nn.ModuleList([_Block(outer + inner, outer, group) for outer, inner in itertools.pairwise(widths)])
        self.normalization = normalization(widths[0], group)
        self.out = nn.Conv2d(widths[0], 4, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """(batch, 1, rows, columns), not negative, from (batch, CHANNELS, rows, columns).

        Sides are multiples of `GeneratorSettings.multiple`. The result is in units of `GeneratorSettings.scale`.
        """
        return self.decode(self.encode(pictures))

    def decode(self, levels: Sequence[Tensor]) -> Tensor:
        """The result of `forward` from the features of `encode`."""
        *outer, values = levels
        for block, level in zip(reversed(self.up), reversed(outer), strict=True):
            values = F.interpolate(values, scale_factor=2, mode="nearest")
            values = block(torch.cat([values, level], dim=1))
        made = self.out(F.silu(self.normalization(values)))
        return F.softplus(F.pixel_shuffle(made.float(), 2), beta=5)

    def encode(self, pictures: Tensor) -> list[Tensor]:
        """The features of each level of the encoder, outermost first."""
        values = self.stem(F.pixel_unshuffle(pictures, 2))
        levels: list[Tensor] = []
        for blocks in self.down:
            values = blocks(F.avg_pool2d(levels[-1], 2) if levels else values)
            levels.append(values)
        return levels


class _Block(nn.Module):
    """Two convolutions beside which the input passes unchanged, and at the start of training alone."""

    def __init__(self, before: int, after: int, group: int) -> None:
        super().__init__()
        self.before, self.first = normalization(before, group), nn.Conv2d(before, after, 3, padding=1)
        self.between, self.second = normalization(after, group), nn.Conv2d(after, after, 3, padding=1)
        self.past = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, values: Tensor) -> Tensor:
        inner = self.first(F.silu(self.before(values)))
        return self.past(values) + self.second(F.silu(self.between(inner)))


def normalization(channels: int, group: int) -> nn.GroupNorm:
    """Group normalisation, with groups of the largest size that divides both numbers."""
    return nn.GroupNorm(channels // math.gcd(channels, group), channels)
