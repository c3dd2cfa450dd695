"""What all X-rays together tell of each voxel of a lattice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry import Grid
from ..reconstruction.algebraic import coarse_volumes, sirt
from ..reconstruction.settings import settings_for
from ..volume import Volume
from ..volume.resampling import resample
from .features import COARSE_DETAIL, FINE_BAND, FINE_DETAIL, MIDDLE_BAND, STANDARDIZED, FeatureView
from .sampling import moments

ATTENUATION_UNIT = 0.03
"""Attenuation in 1/mm that counts as one."""
BONE_LEVEL = 0.0115 / ATTENUATION_UNIT
"""The nominal threshold of enhanced bone."""
PARTS = 2
"""Parts of a voxel along each axis for which the bone, and the fine channels, are given."""
FINE = 4
"""Channels with a value for each part of a voxel: the mean and the least of the standardised line integrals, and the
means of the fine band and of the fine detail, over the views that show the part."""
COARSE = 9
"""Channels with one value a voxel: the means of the middle band and of the coarse detail; the standard deviations of
the standardised line integrals, the fine band and the fine detail; the share of the views that show the voxel, the
logarithm of their number, an algebraic reconstruction of the standardised views, and one of the X-rays themselves."""
CHANNELS = FINE * PARTS**3 + COARSE
ALGEBRAIC, TOTAL = CHANNELS - 2, CHANNELS - 1
"""The two algebraic reconstructions; the second is zero for X-rays without units."""
FROM_STANDARDIZED = (*range(3 * PARTS**3), *(FINE * PARTS**3 + n for n in (0, 2, 3)), ALGEBRAIC)
"""Channels in proportion to the values of the standardised views."""
MAX_COUNT, COUNT_SCALE = 40, 3.0
"""Number of views that counts as many, and what divides the logarithm of one plus the number."""
SURROUNDINGS_MM, TOTAL_VOXELS = 90.0, 64
"""The X-rays themselves are reconstructed in a box that is wider on each side, of so many voxels on the longest one."""


def lattice_channels(views: Sequence[FeatureView], lattice: Grid) -> np.ndarray:
    """(CHANNELS, nk, nj, ni) float32 on a lattice along the patient's axes.

    Any number of views in any order will do. Raises ReconstructionError where the standardised views explain nothing.
    """
    fine = moments(views, (STANDARDIZED, FINE_BAND, FINE_DETAIL), parted(lattice))
    coarse = moments(views, (MIDDLE_BAND, COARSE_DETAIL), lattice)
    values = gathered(np.concatenate([fine.means[:1], fine.least[None], fine.means[1:]]))
    deviations = F.avg_pool3d(torch.from_numpy(fine.deviations)[None], PARTS)[0].numpy()
    counts = np.stack([coarse.counts / len(views), np.log1p(np.minimum(coarse.counts, MAX_COUNT)) / COUNT_SCALE])
    volumes = np.stack([_algebraic(views, lattice), _total(views, lattice)]) / ATTENUATION_UNIT
    return np.concatenate([values, coarse.means, deviations, counts, volumes]).astype(np.float32)


def parted(lattice: Grid) -> Grid:
    """The grid of the parts of the voxels of a lattice along the patient's axes."""
    spacing = lattice.spacing / PARTS
    origin = lattice.origin - (PARTS - 1) / 2 * spacing
    nk, nj, ni = (PARTS * count for count in lattice.shape)
    return Grid((nk, nj, ni), spacing, origin, lattice.direction)


def gathered(values: np.ndarray) -> np.ndarray:
    """(PARTS^3 n, nk, nj, ni): the parts of each voxel as channels, from (n, PARTS nk, PARTS nj, PARTS ni)."""
    n, *sides = values.shape
    nk, nj, ni = (side // PARTS for side in sides)
    split = values.reshape(n, nk, PARTS, nj, PARTS, ni, PARTS)
    return split.transpose(0, 2, 4, 6, 1, 3, 5).reshape(-1, nk, nj, ni)


def spread_out(parts: Tensor) -> Tensor:
    """(batch, PARTS nk, PARTS nj, PARTS ni) from parts as channels (batch, PARTS^3, nk, nj, ni)."""
    batch, _, nk, nj, ni = parts.shape
    split = parts.reshape(batch, PARTS, PARTS, PARTS, nk, nj, ni).permute(0, 4, 1, 5, 2, 6, 3)
    return split.reshape(batch, PARTS * nk, PARTS * nj, PARTS * ni)


def mirrored(channels: np.ndarray) -> np.ndarray:
    """Channels (CHANNELS, nk, nj, ni) with left and right exchanged."""
    order = np.arange(CHANNELS)
    order[: FINE * PARTS**3] = order[: FINE * PARTS**3].reshape(-1, PARTS)[:, ::-1].ravel()
    return channels[order, :, :, ::-1]


def _algebraic(views: Sequence[FeatureView], lattice: Grid) -> np.ndarray:
    """[k, j, i] attenuation in 1/mm: the coarse volume from which a reconstruction of the standardised views starts."""
    fine = parted(lattice)
    # Standardised views show no soft tissue, and looking for a body in them takes longer than the volume itself.
    settings = settings_for("standard").updated({"tissue.body_attenuation": 0.0})
    found = coarse_volumes([view.standardized for view in views], fine, settings)
    return resample(Volume(found.region, found.region_grid), lattice).values


def _total(views: Sequence[FeatureView], lattice: Grid) -> np.ndarray:
    """[k, j, i] attenuation of all tissue in 1/mm; zero where the X-rays have no unit."""
    xrays = [view.xray for view in views if view.xray is not None]
    if not xrays:
        return np.zeros(lattice.shape, np.float32)
    box = parted(lattice).padded(SURROUNDINGS_MM)
    box = box.with_spacing(float(box.size.max()) / TOTAL_VOXELS)
    return resample(Volume(sirt(xrays, box), box), lattice).values
