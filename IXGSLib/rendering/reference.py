"""The renderer in plain torch: the specification that every other backend must match.

Splatting is that of Zwicker et al. (EWA volume splatting, 2001) with the line integral of R2-Gaussian (NeurIPS 2024).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..compute.placement import tensor_like
from ..gaussians import Cloud
from ..geometry import Grid, View

CUTOFF = 3.5
"""Number of standard deviations along each image or grid axis beyond which a Gaussian is cut (0.1 % of its mass)."""
PIXEL_VARIANCE = 1 / 12
"""Variance of the unit square or cube that a pixel or voxel averages over, in pixels or voxels squared."""
MIN_DEPTH = 1.0
"""Depth in mm up to which Gaussians are not drawn: too close to the source, or behind it."""

_CHUNK = 1 << 24
"""Number of values in one temporary array."""


def rotation_matrices(quaternions: Tensor) -> Tensor:
    """(N, 3, 3) rotations of quaternions (N, 4) wxyz of any length > 0."""
    w, x, y, z = (quaternions / quaternions.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def product(scale: Tensor) -> Tensor:
    """(N,) products of (N, 3); the gradient of torch.prod would wait for the device to look for zeros."""
    x, y, z = scale.unbind(1)
    return x * y * z


def project(cloud: Cloud, view: View, pose: Tensor) -> Tensor:
    """Line integrals (height, width); pose: camera_from_world (3, 4)."""
    mean, covariance, mass, visible = footprints(cloud, view, pose)
    amplitude = mass / torch.linalg.det(covariance).sqrt()
    return _draw(mean[visible], covariance[visible], amplitude[visible], (view.size[1], view.size[0]))


def voxelize(cloud: Cloud, grid: Grid) -> Tensor:
    """Attenuation [k, j, i] in 1/mm."""
    mean, covariance, mass = blobs(cloud, grid)
    return _draw(mean, covariance, mass / torch.linalg.det(covariance).sqrt(), grid.shape)


def blobs(cloud: Cloud, grid: Grid) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (N, 3) and covariance (N, 3, 3) in voxels, and the peak attenuation (N,) times sqrt(det covariance)."""
    frame = tensor_like(grid.direction / grid.spacing, cloud.position)
    mean = (cloud.position - tensor_like(grid.origin, cloud.position)) @ frame
    axes = frame.T @ rotation_matrices(cloud.rotation) * cloud.scale[:, None, :]
    covariance = axes @ axes.mT + PIXEL_VARIANCE * torch.eye(3, dtype=axes.dtype, device=axes.device)
    return mean, covariance, cloud.density * (product(cloud.scale) / grid.voxel_volume)


def footprints(cloud: Cloud, view: View, pose: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean (N, 2) and covariance (N, 2, 2) in pixels, the peak line integral (N,) times sqrt(det covariance), and which
    Gaussians lie in front of the source (N,).

    The peak of the exact line integral, sqrt(2 pi / (d^T S^-1 d)), lowered by averaging over a pixel, is
    density sqrt(2 pi) s0 s1 s2 k / sqrt(det), with k the pixels per mm^2 perpendicular to the ray.
    This form preserves the mass by construction and does not suffer cancellation.
    """
    pose = pose.to(cloud.position)
    K = tensor_like(view.K, cloud.position)
    t = cloud.position @ pose[:, :3].T + pose[:, 3]
    visible = ~(t[:, 2] <= MIN_DEPTH)  # NaN is drawn, so that it shows in the image
    t = torch.where(visible[:, None], t, torch.ones_like(t))
    depth = t[:, 2, None]
    mean = (t / depth) @ K[:2].T
    J = (K[:2] - torch.cat([torch.zeros_like(mean)[..., None]] * 2 + [mean[..., None]], dim=-1)) / depth[..., None]
    axes = J @ pose[:, :3] @ rotation_matrices(cloud.rotation) * cloud.scale[:, None, :]
    covariance = axes @ axes.mT + PIXEL_VARIANCE * torch.eye(2, dtype=axes.dtype, device=axes.device)
    magnification = K[0, 0] * K[1, 1] * t.norm(dim=1) / t[:, 2] ** 3
    mass = cloud.density * math.sqrt(2 * math.pi) * product(cloud.scale) * magnification
    return mean, covariance, mass, visible


def _draw(mean: Tensor, covariance: Tensor, amplitude: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The sum of N Gaussians on a lattice: mean (N, d) and covariance (N, d, d) in x-first order, shape x-last."""
    steps = [torch.arange(n).to(mean) for n in shape[::-1]]
    radius = CUTOFF * covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    precision = torch.linalg.inv(covariance)
    image = torch.zeros(shape).to(mean)
    size = max(1, _CHUNK // math.prod(shape))
    for start in range(0, max(1, len(amplitude)), size):  # the image of an empty cloud has a gradient too
        part = slice(start, start + size)
        offsets = [
            (step - mean[part, axis, None]).reshape(-1, *(1,) * (len(shape) - 1 - axis), len(step), *(1,) * axis)
            for axis, step in enumerate(steps)
        ]
        column = (-1, *(1,) * len(shape))
        exponent = sum(
            precision[part, a, b].reshape(column) * offsets[a] * offsets[b]
            for a in range(len(shape))
            for b in range(len(shape))
        )
        value = amplitude[part].reshape(column) * torch.exp(-exponent / 2)
        for axis, offset in enumerate(offsets):
            value = value * (offset.abs() <= radius[part, axis].reshape(column))
        image = image + value.sum(dim=0)
    return image
