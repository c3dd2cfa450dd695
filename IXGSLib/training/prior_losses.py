"""The loss of the bone network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..prior.channels import BONE_LEVEL, PARTS
from ..prior.network import Estimate

WEIGHTS = {
    "squared": 10.0,
    "absolute": 0.3,
    "overlap": 0.3,
    "edges": 0.3,
    "lesions": 0.3,
    "contrast": 0.5,
    "doubt": 0.05,
}
"""Weight of each part of the loss."""
LEVEL_SOFTNESS = 0.06
"""Width of the logistic step that tells bone from no bone, in units of the network."""
OVERLAP_OFFSET = 50.0
"""Voxels added to both sides of the overlap, so that a part without bone does not divide zero by zero."""
MAX_STANDARDIZED_ERROR = 50.0
MIN_LESION_SHARE, SHELL_PARTS = 0.25, 3
"""Share of a part from which it counts as in a lesion, and width of the shell around lesions, in parts."""
LESION_WEIGHT = 3.0
"""Weight of a part in a lesion, over that of one in the shell around it."""
LESION_OFFSET, REGION_OFFSET = 300.0, 50.0
"""Parts added to the number of those in and around lesions, and to each number of which a contrast is made, so that a
few parts at the border of a patch do not count like a whole lesion."""


@dataclass(frozen=True, eq=False)
class PriorLosses:
    """Parts of the loss, without their weights.

    squared: that of Huber. absolute: mean absolute error. overlap: 1 minus the Dice coefficient of soft bone. edges:
    mean absolute error of the differences between neighbours. lesions: mean absolute error in and around fractures and
    lytic lesions. contrast: error of the difference between the means around and in them. doubt: negative logarithm of
    a Laplace distribution whose mean absolute deviation is the expected error.
    """

    squared: Tensor
    absolute: Tensor
    overlap: Tensor
    edges: Tensor
    lesions: Tensor
    contrast: Tensor
    doubt: Tensor

    @property
    def total(self) -> Tensor:
        return torch.stack([weight * getattr(self, name) for name, weight in WEIGHTS.items()]).sum()

    def numbers(self) -> dict[str, float]:
        return {name: float(getattr(self, name).detach()) for name in WEIGHTS}


def prior_losses(found: Estimate, bone: Tensor, lesions: Tensor) -> PriorLosses:
    """The losses of an estimate against bone [batch, k, j, i] of each part of a voxel, both in units of the network.

    lesions: the fraction of each part that lies in a lesion.
    """
    error = found.bone - bone
    inside = (lesions > MIN_LESION_SHARE).float()
    shell = F.max_pool3d(inside, 2 * SHELL_PARTS + 1, stride=1, padding=SHELL_PARTS) - inside
    weight = shell + LESION_WEIGHT * inside
    of_voxels = F.avg_pool3d(error.detach().abs(), PARTS)
    standardized = (of_voxels * torch.exp(-found.log_error)).clamp(max=MAX_STANDARDIZED_ERROR)
    return PriorLosses(
        squared=F.smooth_l1_loss(found.bone, bone),
        absolute=error.abs().mean(),
        overlap=1 - _soft_dice(found.bone, bone),
        edges=torch.stack([error.diff(dim=axis).abs().mean() for axis in (1, 2, 3)]).sum(),
        lesions=(weight * error.abs()).sum() / (weight.sum() + LESION_OFFSET),
        contrast=(_region_mean(error, shell) - _region_mean(error, inside)).abs().mean(),
        doubt=(standardized + found.log_error).mean(),
    )


def _region_mean(values: Tensor, region: Tensor) -> Tensor:
    """(batch,) means over a region, drawn towards zero where it is small."""
    axes = (1, 2, 3)
    return (values * region).sum(axes) / (region.sum(axes) + REGION_OFFSET)


def _soft_dice(made: Tensor, bone: Tensor) -> Tensor:
    soft, hard = torch.sigmoid((made - BONE_LEVEL) / LEVEL_SOFTNESS), (bone > BONE_LEVEL).float()
    return (2 * (soft * hard).sum() + OVERLAP_OFFSET) / (soft.sum() + hard.sum() + OVERLAP_OFFSET)
