"""The generator of Pix2Pix: a U-Net from X-rays to bone-enhanced radiographs."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .generator_settings import GeneratorSettings
from .normalization import CHANNELS

MAX_WIDTH_FACTOR = 8
"""Channels of the inner levels as a multiple of the first level's."""
MAX_DROPOUT_LEVELS = 3
"""Inner levels of the decoder in which training drops channels."""


class Generator(nn.Module):
    """The U-Net of Isola et al. (CVPR 2017, section 6.1.1) with a softplus output, since line integrals are positive.

    initialized: False leaves the weights as they are, for weights that are loaded afterwards.
    The width doubles with each level up to MAX_WIDTH_FACTOR. Dropout acts in the inner levels of the decoder during
    training only, as in the paper. Each image is normalised by itself, so that no result depends on another image: with
    groups of one channel this is instance normalisation, to which the paper's batch normalisation reduces for its batch
    of one; larger groups keep the differences between channels, which indicate the amount of bone. The innermost
    level, a single pixel, is not normalised, because nothing of it would remain. The transposed convolutions have a
    kernel of 4 and a stride of 2, so that each output pixel sums equally many terms.
    """

    def __init__(self, settings: GeneratorSettings, initialized: bool = True) -> None:
        super().__init__()
        levels, group = settings.levels, settings.group
        widths = [settings.width * min(2**level, MAX_WIDTH_FACTOR) for level in range(levels)]
        self.down = nn.ModuleList(
            [
                _Down(CHANNELS if n == 0 else widths[n - 1], widths[n], group if 0 < n < levels - 1 else 0)
                for n in range(levels)
            ]
        )
        first_dropout = levels - min(MAX_DROPOUT_LEVELS, levels - 2)
        self.up = nn.ModuleList(
            [
                _Up(
                    widths[n] * (1 if n == levels - 1 else 2),
                    widths[n - 1],
                    group,
                    settings.dropout if n >= first_dropout else 0,
                )
                for n in range(levels - 1, 0, -1)
            ]
        )
        self.out = nn.ConvTranspose2d(2 * widths[0], 1, 4, 2, 1)
        if initialized:
            self.apply(initialize)

    def forward(self, pictures: Tensor) -> Tensor:
        """(batch, 1, rows, columns), not negative, from (batch, CHANNELS, rows, columns).

        Sides are multiples of `GeneratorSettings.multiple`. The result is in units of `GeneratorSettings.scale`.
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
    """Halves the size: activation, convolution, normalisation."""

    def __init__(self, channels: int, out: int, group: int) -> None:
        super().__init__()
        self.activated = channels != CHANNELS
        self.convolution = nn.Conv2d(channels, out, 4, 2, 1)
        self.normalization = normalization(out, group) if group else nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        return self.normalization(self.convolution(F.leaky_relu(values, 0.2) if self.activated else values))


class _Up(nn.Module):
    """Doubles the size: activation, transposed convolution, normalisation, dropout."""

    def __init__(self, channels: int, out: int, group: int, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(channels, out, 4, 2, 1)
        self.normalization = normalization(out, group)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        return self.dropout(self.normalization(self.convolution(F.relu(values))))


def normalization(channels: int, group: int) -> nn.GroupNorm:
    """Group normalisation, with groups of the largest size that divides both numbers."""
    return nn.GroupNorm(channels // math.gcd(channels, group), channels)


def initialize(module: nn.Module) -> None:
    """Initial weights as in the paper: normal with standard deviation 0.02, around one for normalisation."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.GroupNorm):
        nn.init.normal_(module.weight, 1, 0.02)
        nn.init.zeros_(module.bias)
