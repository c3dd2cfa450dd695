"""Bone in a region, estimated from all X-rays together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..geometry import Grid
from ..reconstruction.bone_prior import BonePrior
from ..volume import Volume
from ..volume.resampling import resample
from .channels import ALGEBRAIC, ATTENUATION_UNIT, lattice_channels, parted
from .features import FeatureView
from .network import BoneNetwork


@dataclass(frozen=True, eq=False)
class BoneEstimate:
    """The bone that a network expects, on the grid of a region.

    alone: what the standardised views show without the network, by an algebraic reconstruction on its lattice.
    """

    prior: BonePrior
    alone: Volume


def estimate_bone(network: BoneNetwork, views: Sequence[FeatureView], region: Grid) -> BoneEstimate:
    """The bone in a region; the lattice of the network has its own spacing and the axes of the patient.

    Raises ReconstructionError as `lattice_channels` does.
    """
    lattice = enclosing_lattice(region, network.settings.spacing, network.settings.multiple)
    channels = torch.from_numpy(lattice_channels(views, lattice))
    with torch.inference_mode():
        found = network(channels[None])
    bone = (found.bone[0].clamp(min=0) * ATTENUATION_UNIT).numpy()
    error = (found.log_error[0].exp() * ATTENUATION_UNIT).numpy()
    prior = BonePrior(resample(Volume(bone, parted(lattice)), region), resample(Volume(error, lattice), region))
    return BoneEstimate(prior, Volume(channels[ALGEBRAIC].numpy() * ATTENUATION_UNIT, lattice))


def enclosing_lattice(region: Grid, spacing: float, multiple: int) -> Grid:
    """The lattice along the patient's axes that holds a region, its sides multiples of a number of voxels."""
    corners = region.corners()
    low, high = corners.min(axis=0), corners.max(axis=0)
    counts = np.ceil((high - low) / spacing / multiple - 1e-6).astype(int) * multiple
    ni, nj, nk = (int(n) for n in counts)
    return Grid((nk, nj, ni), np.full(3, spacing), (low + high) / 2 - (counts - 1) / 2 * spacing, np.eye(3))
