"""The loss of the bone network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..prior.channels import BONE_LEVEL, PARTS
from ..prior.network import Estimate

WEIGHTS = {"squared": 10.0, "absolute": 0.3, "overlap": 0.3, "edges": 0.3, "doubt": 0.05}
"""Weight of each part of the loss."""
LEVEL_SOFTNESS = 0.06
"""Width of the logistic step that tells bone from no bone, in units of the network."""
OVERLAP_OFFSET = 50.0
"""Voxels added to both sides of the overlap, so that a part without bone does not divide zero by zero."""
MAX_STANDARDIZED_ERROR = 50.0


@dataclass(frozen=True, eq=False)
class PriorLosses:
    """Parts of the loss, without their weights.

    squared: that of Huber. absolute: mean absolute error. overlap: 1 minus the Dice coefficient of soft bone. edges:
    mean absolute error of the differences between neighbours. doubt: negative logarithm of a Laplace distribution whose
    mean absolute deviation is the expected error.
    """

    squared: Tensor
    absolute: Tensor
    overlap: Tensor
    edges: Tensor
    doubt: Tensor

    @property
    def total(self) -> Tensor:
        return torch.stack([weight * getattr(self, name) for name, weight in WEIGHTS.items()]).sum()

    def numbers(self) -> dict[str, float]:
        return {name: float(getattr(self, name).detach()) for name in WEIGHTS}


def prior_losses(found: Estimate, bone: Tensor) -> PriorLosses:
    """The losses of an estimate against bone [batch, k, j, i] of each part of a voxel, both in units of the network."""
    error = found.bone - bone
    of_voxels = F.avg_pool3d(error.detach().abs(), PARTS)
    standardized = (of_voxels * torch.exp(-found.log_error)).clamp(max=MAX_STANDARDIZED_ERROR)
    return PriorLosses(
        squared=F.smooth_l1_loss(found.bone, bone),
        absolute=error.abs().mean(),
        overlap=1 - _soft_dice(found.bone, bone),
        edges=torch.stack([error.diff(dim=axis).abs().mean() for axis in (1, 2, 3)]).sum(),
        doubt=(standardized + found.log_error).mean(),
    )


def _soft_dice(made: Tensor, bone: Tensor) -> Tensor:
    soft, hard = torch.sigmoid((made - BONE_LEVEL) / LEVEL_SOFTNESS), (bone > BONE_LEVEL).float()
    return (2 * (soft * hard).sum() + OVERLAP_OFFSET) / (soft.sum() + hard.sum() + OVERLAP_OFFSET)
