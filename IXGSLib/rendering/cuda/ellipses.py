"""A cloud as the rows of numbers that the kernels draw, by differentiable operations of torch.

In float64, because the determinant of a needle-shaped Gaussian is a difference of large numbers; this takes little time
compared with drawing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...compute.placement import tensor_like
from ...gaussians import Cloud
from ...geometry import Grid, View
from .. import reference
from ..reference import CUTOFF


def footprints(cloud: Cloud, view: View, pose: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of `images` (N, 6) and their radius (N, 2), float32; pose: camera_from_world (3, 4)."""
    cloud = cloud.to(dtype=torch.float64)
    mean, covariance, mass, visible = reference.footprints(cloud, view, pose)
    xx, xy, yy = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    determinant = xx * yy - xy * xy
    rows = [*mean.unbind(1), yy / determinant, xy / yy, 1 / yy, mass / determinant.sqrt()]
    radius = CUTOFF * torch.stack([xx, yy], dim=1).detach().sqrt()
    return _drawn(torch.stack(rows, dim=1).float(), radius.float(), (view.size[1], view.size[0]), visible)


def blobs(cloud: Cloud, grid: Grid) -> tuple[Tensor, Tensor]:
    """The rows of `volumes` (N, 10) and their radius (N, 3), float32."""
    mean, S, mass = reference.blobs(cloud.to(dtype=torch.float64), grid)
    shift_x, shift_y = S[:, 0, 2] / S[:, 2, 2], S[:, 1, 2] / S[:, 2, 2]
    xx, xy = S[:, 0, 0] - S[:, 0, 2] * shift_x, S[:, 0, 1] - S[:, 0, 2] * shift_y
    var_y, var_z = S[:, 1, 1] - S[:, 1, 2] * shift_y, S[:, 2, 2]
    slope = xy / var_y
    var_x = xx - xy * slope
    peak = mass / (var_x * var_y * var_z).sqrt()
    rows = [*mean.unbind(1), 1 / var_x, slope, 1 / var_y, shift_x, shift_y, 1 / var_z, peak]
    radius = CUTOFF * S.diagonal(dim1=1, dim2=2).detach().sqrt()
    return _drawn(torch.stack(rows, dim=1).float(), radius.float(), grid.shape)


def _drawn(
    rows: Tensor, radius: Tensor, shape: tuple[int, ...], visible: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Rows and radii, which are negative for what is not drawn; visible rows that are not finite keep their NaN."""
    mean = rows[:, : len(shape)].detach()
    corner = tensor_like(np.array(shape[::-1]) - 1, mean)
    outside = ((mean + radius < 0) | (mean - radius > corner)).any(dim=1)
    if visible is not None:
        outside = outside | ~visible
    finite = torch.isfinite(rows.detach()).all(dim=1) & torch.isfinite(radius).all(dim=1)
    # A Gaussian outside the image must not contribute, even where its values are NaN.
    rows = torch.where(outside[:, None], torch.zeros_like(rows), rows)
    return rows, torch.where((outside | ~finite)[:, None], -torch.ones_like(radius), radius)
