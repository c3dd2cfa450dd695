"""The network that estimates bone, and its own error, from what all X-rays together tell of each voxel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import VolumeNetwork
from .channels import ALGEBRAIC, CHANNELS, PARTS, spread_out
from .network_settings import BoneNetworkSettings

LOG_ERROR_RANGE = (-5.0, 1.0)
"""Range of the logarithm of the expected error, in units of `channels.ATTENUATION_UNIT`."""
FIRST_LOG_ERROR = -2.0
"""The logarithm of the expected error before training."""
FIRST_TRUST = 0.5
"""The share of the algebraic reconstruction that the bone is before training."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Attenuation of bone [batch, k, j, i] for each part of a voxel, and the logarithm of its expected absolute error.

    log_error: [batch, k, j, i] for each voxel. The unit is `channels.ATTENUATION_UNIT`; attenuation may be slightly
    negative.
    """

    bone: Tensor
    log_error: Tensor


class BoneNetwork(nn.Module):
    """A U-Net that corrects an algebraic reconstruction by what the views agree and disagree on.

    mean, deviation: (CHANNELS,) of the channels in the training data, by which they are normalised.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: BoneNetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.register_buffer("deviation", torch.ones(CHANNELS))
        self.volume = VolumeNetwork(CHANNELS, settings.width, settings.levels)
        self.bone = nn.Conv3d(settings.width, PARTS**3, 3, padding=1)
        self.trust = nn.Parameter(torch.tensor(FIRST_TRUST))
        self.doubt = nn.Sequential(
            nn.Conv3d(settings.width, settings.width, 1), nn.SiLU(), nn.Conv3d(settings.width, 1, 1)
        )
        for parameter in self.bone.parameters():
            nn.init.zeros_(parameter)
        # A CPU needs a seventh less time with channels last in memory; torch's types do not know the argument.
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def forward(self, channels: Tensor) -> Estimate:
        """The bone on a lattice from (batch, CHANNELS, nk, nj, ni); sides are multiples of `settings.multiple`."""
        shape = (-1, 1, 1, 1)
        features = self.volume((channels - self.mean.view(shape)) / self.deviation.view(shape))
        parts = self.bone(features).float() + self.trust * channels[:, ALGEBRAIC, None]
        # The doubt must not change what is believed, so its gradients end here.
        log_error = self.doubt(features.detach())[:, 0].float() + FIRST_LOG_ERROR
        return Estimate(spread_out(parts), log_error.clamp(*LOG_ERROR_RANGE))
