"""Adding and removing Gaussians without changing their total attenuation.

Adaptive density control of Kerbl et al. (3D Gaussian splatting, 2023), with densities divided as in R2-Gaussian (2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .parameters import COLUMNS, pack, unpack

SPLIT_SHRINK = 1.25
"""Ratio of the width of a Gaussian to that of its halves; small enough that their sum has a single maximum."""


@dataclass(frozen=True)
class ControlLimits:
    """Which Gaussians are changed, and how many there may be.

    max_count: largest number of Gaussians afterwards. fraction: share of the Gaussians, those with the largest
    gradients, that are cloned or split. min_density: 1/mm, below which a Gaussian is removed. split_scale: mm, above
    which a Gaussian is split instead of cloned.
    """

    max_count: int
    fraction: float
    min_density: float
    split_scale: float


@torch.no_grad()
def control_density(
    raw: Tensor, gradient: Tensor, unit: float, limits: ControlLimits, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The rows of `raw` (N, COLUMNS) that stay, as indices, and the rows (M, COLUMNS) that are added.

    gradient: (N,) accumulated gradient norm of each position. Small Gaussians are cloned: both copies have the same
    shape and half of the density. Large ones are split along their longest axis into two that are narrower there and
    together have the same mass. Rows that stay may be changed in place.
    """
    cloud = unpack(raw, unit)
    stay = torch.nonzero(cloud.density > limits.min_density)[:, 0]
    room = min(int(limits.fraction * len(stay)), limits.max_count - len(stay))
    if room <= 0:
        return stay, raw.new_empty((0, COLUMNS))
    chosen = stay[torch.topk(gradient[stay], room).indices]
    picked = cloud[chosen]
    longest = picked.scale.argmax(dim=1, keepdim=True)
    split = picked.scale.amax(dim=1) > limits.split_scale
    axis = torch.nn.functional.one_hot(longest[:, 0], 3).to(raw)
    # Two halves at offsets +-d standard deviations, narrower along the axis by SPLIT_SHRINK, have the parent's variance
    # there when (1 / SPLIT_SHRINK)^2 + d^2 = 1.
    offset = (1 - SPLIT_SHRINK**-2) ** 0.5
    shift = _rotated(picked.rotation, axis * picked.scale * offset) * split[:, None]
    scale = picked.scale * torch.where(split[:, None] & axis.bool(), 1 / SPLIT_SHRINK, 1.0)
    density = picked.density / 2 * torch.where(split, SPLIT_SHRINK, 1.0)
    jitter = 0.1 * picked.scale * torch.randn(picked.scale.shape, generator=generator).to(raw) * ~split[:, None]
    children = [
        type(cloud)(picked.position + sign * (shift + jitter), scale, picked.rotation, density) for sign in (-1, 1)
    ]
    raw[chosen] = pack(children[0], unit)
    return stay, pack(children[1], unit)


def _rotated(quaternion: Tensor, vector: Tensor) -> Tensor:
    """Vectors (N, 3) rotated by quaternions (N, 4) wxyz of any positive norm."""
    q = quaternion / quaternion.norm(dim=1, keepdim=True)
    twice = 2 * torch.linalg.cross(q[:, 1:], vector)
    return vector + q[:, :1] * twice + torch.linalg.cross(q[:, 1:], twice)
