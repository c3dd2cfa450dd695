"""Projection by gsplat, drawing by `render`.

gsplat can list the Gaussians of each tile too, but the host has to wait for the device to learn the length of the lists
of `isect_tiles`; that of `tiles.lists` is known in advance.
gsplat does not support skew; views with skew, volumes, and work split into parts are left to `render`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ...compute import memory
from ...compute.placement import tensor_like
from ...gaussians import Cloud
from ...geometry import View
from ..reference import CUTOFF, MIN_DEPTH, PIXEL_VARIANCE, product
from . import render

voxelize = render.voxelize


def project(cloud: Cloud, view: View, pose: Tensor) -> Tensor:
    """Line integrals (height, width); pose: camera_from_world (3, 4)."""
    if view.K[0, 1] != 0 or len(cloud) == 0 or memory.part_count() > 1:
        return render.project(cloud, view, pose)
    from gsplat import fully_fused_projection

    matrix, K, width, height = camera(cloud, view, pose)
    radii, mean, depth, conic, _ = fully_fused_projection(
        cloud.position, None, cloud.rotation, cloud.scale, matrix[None], K[None], width, height,
        eps2d=PIXEL_VARIANCE, near_plane=MIN_DEPTH,
    )  # fmt: skip
    rows, radius = footprints(cloud, view, pose, (radii[0], mean[0], depth[0], conic[0]))
    return render.draw(rows, radius, (view.size[1], view.size[0]))


def camera(cloud: Cloud, view: View, pose: Tensor) -> tuple[Tensor, Tensor, int, int]:
    """camera_from_world (4, 4), K (3, 3), width and height as gsplat expects them, for a detector three times as large.

    gsplat leaves out Gaussians that enter the image only with the outermost of their 3.5 standard deviations, and
    distorts those beside it; with a margin as wide as the image neither affects the render.
    """
    width, height = view.size
    matrix = torch.cat([pose.to(cloud.position), tensor_like(np.array([[0.0, 0, 0, 1]]), cloud.position)])
    K = tensor_like(view.K + np.array([[0, 0, width], [0, 0, height], [0, 0, 0]]), cloud.position)
    return matrix, K, 3 * width, 3 * height


def footprints(
    cloud: Cloud, view: View, pose: Tensor, projected: tuple[Tensor, Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The rows of `images` (N, 6) and their radius (N, 2) from gsplat's radii, means, depths and conics."""
    radii, mean, depth, conic = projected
    shown = (radii > 0).all(dim=1)
    # gsplat leaves the values of what it leaves out undefined.
    mean, depth = torch.where(shown[:, None], mean, 0), torch.where(shown, depth, 1)
    A, B, C = torch.where(shown[:, None], conic, tensor_like(np.array([1.0, 0, 1]), conic)).double().unbind(1)
    determinant = A * C - B * B
    pose = pose.double()
    distance = (cloud.position.double() @ pose[:, :3].T + pose[:, 3]).norm(dim=1)
    mass = cloud.density * math.sqrt(2 * math.pi) * product(cloud.scale) * float(view.K[0, 0] * view.K[1, 1])
    peak = mass * distance / depth**3 * determinant.sqrt()
    u, v = (mean[:, axis] - view.size[axis] for axis in (0, 1))
    rows = torch.stack([u, v, A, -B / A, determinant / A, peak], dim=1).float()
    radius = CUTOFF * (torch.stack([C, A], dim=1) / determinant[:, None]).detach().sqrt()
    return torch.where(shown[:, None], rows, 0), torch.where(shown[:, None], radius, -1).float()
