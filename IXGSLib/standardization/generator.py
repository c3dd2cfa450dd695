"""The generator of Pix2Pix: a U-Net from pictures of X-rays to bone-enhanced radiographs."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .normalization import CHANNELS

WIDEST = 8
"""Channels of the inner levels, in units of the first level's."""
DROPOUT_LEVELS = 3
"""Inner levels of the decoder in which training drops channels."""


class Generator(nn.Module):
    """The U-Net of Isola et al. (CVPR 2017, section 6.1.1), whose output is softplus: line integrals are not negative.

    width: channels of the first level, doubled per level up to WIDEST times. levels: halvings of the picture, eight as
    published. dropout: as published in the inner levels of the decoder while training, and never when applied.
    group: channels that are normalised together. Each picture is normalised by itself, so that a result depends on no
    other picture: with one channel this is instance normalisation, which is what the paper's batch normalisation is at
    its batch of one; with more the channels keep their differences, which tell how much bone there is. The innermost
    level, which is one pixel, is not normalised, since that would leave nothing of it. The transposed convolutions are
    4 wide with a stride of 2, so that each output pixel receives equally many terms.
    """

    def __init__(
        self, width: int = 64, levels: int = 8, dropout: float = 0.5, group: int = 1, initialized: bool = True
    ) -> None:
        super().__init__()
        wide = [width * min(2**level, WIDEST) for level in range(levels)]
        self.size = 2**levels
        self.down = nn.ModuleList(
            [
                _Down(CHANNELS if n == 0 else wide[n - 1], wide[n], group if 0 < n < levels - 1 else 0)
                for n in range(levels)
            ]
        )
        inner = min(DROPOUT_LEVELS, levels - 2)
        self.up = nn.ModuleList(
            [
                _Up(
                    wide[n] * (1 if n == levels - 1 else 2),
                    wide[n - 1],
                    group,
                    dropout if n > levels - 1 - inner else 0,
                )
                for n in range(levels - 1, 0, -1)
            ]
        )
        self.out = nn.ConvTranspose2d(2 * wide[0], 1, 4, 2, 1)
        if initialized:
            self.apply(initialize)

    def forward(self, pictures: Tensor) -> Tensor:
        """(batch, 1, rows, columns), not negative, from (batch, CHANNELS, rows, columns).

        Sides are multiples of `size`. The unit of the result is the scale that training has chosen.
        """
        values = self.encode(pictures)
        decoded = values.pop()
        for up in self.up:
            decoded = torch.cat([up(decoded), values.pop()], dim=1)
        return F.softplus(self.out(F.relu(decoded)).float(), beta=5)

    def encode(self, pictures: Tensor) -> list[Tensor]:
        """The features of each level of the encoder, outermost first."""
        values: list[Tensor] = []
        for down in self.down:
            values.append(down(values[-1] if values else pictures))
        return values


class _Down(nn.Module):
    """Half the size: activation, convolution, normalisation."""

    def __init__(self, channels: int, out: int, group: int) -> None:
        super().__init__()
        self.activated = channels != CHANNELS
        self.convolution = nn.Conv2d(channels, out, 4, 2, 1)
        self.normalization = normalization(out, group) if group else nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        return self.normalization(self.convolution(F.leaky_relu(values, 0.2) if self.activated else values))


class _Up(nn.Module):
    """Twice the size: activation, transposed convolution, normalisation, dropout."""

    def __init__(self, channels: int, out: int, group: int, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(channels, out, 4, 2, 1)
        self.normalization = normalization(out, group)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        return self.dropout(self.normalization(self.convolution(F.relu(values))))


def normalization(channels: int, group: int) -> nn.GroupNorm:
    """Of groups of as many channels as divide both numbers."""
    return nn.GroupNorm(channels // math.gcd(channels, group), channels)


def initialize(module: nn.Module) -> None:
    """Weights as published: normal numbers of standard deviation 0.02, normalisation around one."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.GroupNorm):
        nn.init.normal_(module.weight, 1, 0.02)
        nn.init.zeros_(module.bias)
