"""A cloud as free numbers, any value of which is a valid cloud."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .cloud import Cloud

COLUMNS = 11
"""Position 0-2 in mm, logarithm of the scale 3-5, quaternion 6-9, raw density 10."""


def pack(cloud: Cloud, density_unit: float) -> Tensor:
    """(N, COLUMNS) free numbers of a cloud; the raw density is the inverse softplus of density / density_unit."""
    ratio = (cloud.density / density_unit).clamp(min=1e-6)
    raw = torch.where(ratio > 20, ratio, torch.log(torch.expm1(ratio)))
    return torch.cat([cloud.position, cloud.scale.log(), cloud.rotation, raw[:, None]], dim=1).contiguous()


def unpack(raw: Tensor, density_unit: float) -> Cloud:
    """The cloud of (N, COLUMNS) free numbers; differentiable."""
    position, scale, rotation, density = raw.split((3, 3, 4, 1), dim=1)
    # torch's vectorized functions want neighbours in memory.
    density = density_unit * torch.nn.functional.softplus(density[:, 0].contiguous())
    return Cloud(position.contiguous(), scale.contiguous().exp(), rotation.contiguous(), density)


@torch.no_grad()
def limit(raw: Tensor, smallest: float, largest: float, aspect: float) -> None:
    """Bring scales into [smallest, largest] mm, the longest axis to at most `aspect` times the shortest; in place."""
    scale = raw[:, 3:6]
    scale.clamp_(math.log(smallest), math.log(largest))
    shortest = scale.amax(dim=1, keepdim=True) - math.log(aspect)
    torch.maximum(scale, shortest, out=scale)
