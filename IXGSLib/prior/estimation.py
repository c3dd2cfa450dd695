"""Bone in a region, estimated from all X-rays together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..geometry import Grid
from ..reconstruction.bone_prior import BonePrior
from ..volume import Volume
from ..volume.resampling import resample
from .channels import ALGEBRAIC, ATTENUATION_UNIT, PARTS, lattice_channels, parted
from .features import FeatureView
from .network import BoneNetwork, Estimate

BLOCK_VOXELS = 96
"""Most voxels along each side of what the network sees at once, a multiple of those of every network; the one that
comes with IXGS was trained on parts of 32 and 48 and measured with 64."""
BLOCK_OVERLAP = 16
"""Voxels by which neighbouring blocks overlap."""


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
        found = in_blocks(network, channels)
    bone = (found.bone[0].clamp(min=0) * ATTENUATION_UNIT).numpy()
    error = (found.log_error[0].exp() * ATTENUATION_UNIT).numpy()
    prior = BonePrior(resample(Volume(bone, parted(lattice)), region), resample(Volume(error, lattice), region))
    return BoneEstimate(prior, Volume(channels[ALGEBRAIC].numpy() * ATTENUATION_UNIT, lattice))


def in_blocks(network: BoneNetwork, channels: Tensor) -> Estimate:
    """The estimate from channels (CHANNELS, nk, nj, ni), in overlapping blocks where the lattice is a large one.

    The network normalises by all voxels that it sees, so that it must not see many more than in its training.
    """
    shape = channels.shape[1:]
    bone, log_error = torch.zeros([PARTS * count for count in shape]), torch.zeros(shape)
    weights = torch.zeros(shape)
    for block in itertools.product(*(_starts(count) for count in shape)):
        part = tuple(slice(start, start + BLOCK_VOXELS) for start in block)
        k, j, i = part
        found = network(channels[None, :, k, j, i])
        weight = _taper(found.log_error[0].shape)
        fine = tuple(slice(PARTS * start, PARTS * (start + BLOCK_VOXELS)) for start in block)
        bone[fine] += found.bone[0] * _enlarged(weight)
        log_error[part] += found.log_error[0] * weight
        weights[part] += weight
    return Estimate((bone / _enlarged(weights))[None], (log_error / weights)[None])


def _starts(count: int) -> list[int]:
    """Where blocks begin along an axis: evenly, each overlapping the next by at least BLOCK_OVERLAP voxels."""
    rest = max(count - BLOCK_VOXELS, 0)
    steps = -(-rest // (BLOCK_VOXELS - BLOCK_OVERLAP))
    return [round(n * rest / max(steps, 1)) for n in range(steps + 1)]


def _taper(shape: Sequence[int]) -> Tensor:
    """Weights [k, j, i] of a block, which fall towards its sides."""
    ramps = [torch.minimum(torch.arange(n) + 1, torch.arange(n, 0, -1)).clamp(max=BLOCK_OVERLAP).float() for n in shape]
    return ramps[0][:, None, None] * ramps[1][:, None] * ramps[2]


def _enlarged(weights: Tensor) -> Tensor:
    """A value for each part of a voxel."""
    for axis in range(weights.ndim):
        weights = weights.repeat_interleave(PARTS, axis)
    return weights


def enclosing_lattice(region: Grid, spacing: float, multiple: int) -> Grid:
    """The lattice along the patient's axes that holds a region, its sides multiples of a number of voxels."""
    corners = region.corners()
    low, high = corners.min(axis=0), corners.max(axis=0)
    counts = np.ceil((high - low) / spacing / multiple - 1e-6).astype(int) * multiple
    ni, nj, nk = (int(n) for n in counts)
    return Grid((nk, nj, ni), np.full(3, spacing), (low + high) / 2 - (counts - 1) / 2 * spacing, np.eye(3))
