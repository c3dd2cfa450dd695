"""Where Gaussians are added and removed, without adding or removing attenuation.

Adaptive density control of Kerbl et al. (3D Gaussian splatting, 2023), with densities shared as in R2-Gaussian (2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .parameters import COLUMNS, pack, unpack

SPLIT_SHRINK = 1.25
"""How many times narrower the halves of a split Gaussian are: little enough that their sum is still one hump."""


@dataclass(frozen=True)
class Control:
    """How many Gaussians there may be and which are touched.

    most: Gaussians afterwards. fraction: share of them with the largest gradients that are doubled.
    faintest: density in 1/mm below which a Gaussian is removed. wide: scale in mm from which one is split, not cloned.
    """

    most: int
    fraction: float
    faintest: float
    wide: float


@torch.no_grad()
def control(
    raw: Tensor, gradient: Tensor, unit: float, limits: Control, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The rows of `raw` (N, COLUMNS) that stay and the rows (M, COLUMNS) that are added.

    gradient: (N,) how strongly each position is pulled. Small Gaussians are cloned: both copies keep the shape, half
    the density each. Large ones are split along their longest axis into two that are narrower there and keep the mass.
    Rows that stay may be changed in place.
    """
    cloud = unpack(raw, unit)
    stay = torch.nonzero(cloud.density > limits.faintest)[:, 0]
    room = min(int(limits.fraction * len(stay)), limits.most - len(stay))
    if room <= 0:
        return stay, raw.new_empty((0, COLUMNS))
    chosen = stay[torch.topk(gradient[stay], room).indices]
    picked = cloud[chosen]
    longest = picked.scale.argmax(dim=1, keepdim=True)
    split = picked.scale.amax(dim=1) > limits.wide
    axis = torch.nn.functional.one_hot(longest[:, 0], 3).to(raw)
    # Two halves half a standard deviation off the centre, narrower along the axis, have the parent's spread there
    # when (1 / SPLIT_SHRINK)^2 + offset^2 = 1.
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
    """Vectors (N, 3) turned by quaternions (N, 4) wxyz of any length > 0."""
    q = quaternion / quaternion.norm(dim=1, keepdim=True)
    twice = 2 * torch.linalg.cross(q[:, 1:], vector)
    return vector + q[:, :1] * twice + torch.linalg.cross(q[:, 1:], twice)
