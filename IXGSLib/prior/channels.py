"""What all X-rays together tell of each voxel of a lattice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry import Grid
from ..geometry.rigid import apply
from ..reconstruction.algebraic import coarse_volumes
from ..reconstruction.settings import settings_for
from ..volume import Volume
from ..volume.resampling import resample
from .features import CONTRAST, FEATURES, FeatureView

ATTENUATION_UNIT = 0.03
"""Attenuation in 1/mm that counts as one."""
BONE_LEVEL = 0.0115 / ATTENUATION_UNIT
"""The nominal threshold of enhanced bone."""
CHANNELS = 2 * len(FEATURES) + 3
"""Means of the features over the views that show a voxel, their standard deviations, the share of the views that show
it, the logarithm of their number, and an algebraic reconstruction."""
ALGEBRAIC = CHANNELS - 1
WITH_UNITS = (CONTRAST, len(FEATURES) + CONTRAST)
"""Channels that are zero for X-rays without units."""
REDUCTION = 2
"""Pixels along each side that are averaged before features are sampled: a voxel is as wide as several pixels."""
MIN_FIELD = 0.99
"""Share of a reduced pixel that was measured."""
COUNT_SCALE = 3.0
"""Divides the logarithm of one plus the number of views."""


def lattice_channels(views: Sequence[FeatureView], lattice: Grid) -> np.ndarray:
    """(CHANNELS, nk, nj, ni) float32 on a lattice along the patient's axes.

    Any number of views in any order will do. Raises ReconstructionError where the standardised views explain nothing.
    """
    points = apply(lattice.world_from_index, np.indices(lattice.shape)[::-1].reshape(3, -1).T)
    center = lattice.center
    relative = torch.from_numpy(points - center).float()
    totals = torch.zeros(len(FEATURES), len(points))
    squares, weights = torch.zeros_like(totals), torch.zeros(len(points))
    for view in views:
        sampled, inside = _sampled(view, relative, center)
        totals += sampled
        squares += sampled**2
        weights += inside
    seen = weights.clamp(min=0.5)
    means = totals / seen
    deviations = torch.sqrt((squares / seen - means**2).clamp(min=0) + 1e-4)
    counts = torch.stack([weights / len(views), torch.log1p(weights) / COUNT_SCALE])
    moments = torch.cat([means, deviations, counts]).reshape(-1, *lattice.shape).numpy()
    return np.concatenate([moments, _algebraic(views, lattice)[None] / ATTENUATION_UNIT]).astype(np.float32)


def _sampled(view: FeatureView, points: Tensor, center: np.ndarray) -> tuple[Tensor, Tensor]:
    """Features (FEATURES, points) of a view at points (points, 3) around a centre, and (points,) 1 where it shows them.

    Features are zero where the view does not show a point.
    """
    mask = torch.from_numpy(view.standardized.mask.astype(np.float32))
    field = F.avg_pool2d(mask[None], REDUCTION)[0] > MIN_FIELD
    features = F.avg_pool2d(torch.from_numpy(view.features), REDUCTION) * field
    world_from_centered = np.eye(4)
    world_from_centered[:3, 3] = center
    matrix = torch.from_numpy(view.standardized.view.projection_matrix @ world_from_centered).float()
    pixels = points @ matrix[:, :3].T + matrix[:, 3]
    # Pixel n of the reduced image is centred on pixel REDUCTION n + (REDUCTION - 1) / 2.
    places = (pixels[:, :2] / pixels[:, 2:] - (REDUCTION - 1) / 2) / REDUCTION
    rows, columns = field.shape
    places = places * torch.tensor([2 / (columns - 1), 2 / (rows - 1)]) - 1
    whole = torch.cat([features, field[None].float()])
    found = F.grid_sample(whole[None], places[None, None], align_corners=True)[0, :, 0]
    return found[:-1], found[-1]


def _algebraic(views: Sequence[FeatureView], lattice: Grid) -> np.ndarray:
    """[k, j, i] attenuation in 1/mm: the coarse volume from which a reconstruction of the standardised views starts."""
    found = coarse_volumes([view.standardized for view in views], lattice, settings_for("standard"))
    return resample(Volume(found.region, found.region_grid), lattice).values
