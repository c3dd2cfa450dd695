"""The discriminator of Pix2Pix, which judges patches of an image together with its standardised form."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..standardization.generator import normalization
from ..standardization.normalization import CHANNELS


class Discriminator(nn.Module):
    """The PatchGAN of Isola et al. (CVPR 2017, section 6.1.2), each of whose outputs sees 70 x 70 pixels.

    width: channels of the first layer, 64 in the paper. group: channels normalised together, as in the generator.
    """

    def __init__(self, width: int = 64, group: int = 1) -> None:
        super().__init__()
        channels = (CHANNELS + 1, width, 2 * width, 4 * width, 8 * width, 1)
        strides = (2, 2, 2, 1, 1)
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(a, b, 4, stride, 1) for a, b, stride in zip(channels, channels[1:], strides, strict=False)]
        )
        self.normalizations = nn.ModuleList([normalization(n, group) for n in channels[2:-1]])
        self.apply(_initialize)

    def forward(self, pictures: Tensor, standardized: Tensor) -> Tensor:
        """(batch, 1, rows / 8 - 2, columns / 8 - 2) logits, positive for patches that it takes for real.

        pictures: (batch, CHANNELS, rows, columns). standardized: (batch, 1, rows, columns).
        """
        first, *middle = self.convolutions[:-1]
        values = F.leaky_relu(first(torch.cat([pictures, standardized], dim=1)), 0.2)
        for convolution, normalize in zip(middle, self.normalizations, strict=True):
            values = F.leaky_relu(normalize(convolution(values)), 0.2)
        return self.convolutions[-1](values)


def _initialize(module: nn.Module) -> None:
    """Initial weights as in the paper: normal with standard deviation 0.02, around one for normalisation."""
    if isinstance(module, (nn.Conv2d, nn.GroupNorm)):
        nn.init.normal_(module.weight, 1 if isinstance(module, nn.GroupNorm) else 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
