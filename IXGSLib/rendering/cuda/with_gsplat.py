"""Projecting with gsplat, drawing as `render` does.

gsplat lists the Gaussians of each tile too, but `isect_tiles` asks the device how long its list will be, for which the
host waits until all work before is done. The lists of `tiles` have a length that is known before.
gsplat knows no skew; such a view, every volume, and work cut into parts go the way of `render`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ...compute import memory
from ...compute.placement import placed
from ...gaussians import Cloud
from ...geometry import View
from ..reference import CUTOFF, NEAREST_DEPTH, PIXEL_VARIANCE, product
from . import render

voxelize = render.voxelize


def project(cloud: Cloud, view: View, pose: Tensor) -> Tensor:
    """Line integrals (height, width); pose: camera_from_world (3, 4)."""
    if view.K[0, 1] != 0 or len(cloud) == 0 or memory.parts() > 1:
        return render.project(cloud, view, pose)
    from gsplat import fully_fused_projection

    matrix, K, width, height = camera(cloud, view, pose)
    radii, mean, depth, conic, _ = fully_fused_projection(
        cloud.position, None, cloud.rotation, cloud.scale, matrix[None], K[None], width, height,
        eps2d=PIXEL_VARIANCE, near_plane=NEAREST_DEPTH,
    )  # fmt: skip
    rows, reach = footprints(cloud, view, pose, (radii[0], mean[0], depth[0], conic[0]))
    return render.draw(rows, reach, (view.size[1], view.size[0]))


def camera(cloud: Cloud, view: View, pose: Tensor) -> tuple[Tensor, Tensor, int, int]:
    """camera_from_world (4, 4), K (3, 3), width and height as gsplat wants them, of a detector three times as wide.

    gsplat leaves out what reaches into the image by the outermost of its 3.5 standard deviations only, and bends what
    lies beside the image towards it; beyond a margin as wide as the image neither matters.
    """
    width, height = view.size
    matrix = torch.cat([pose.to(cloud.position), placed(np.array([[0.0, 0, 0, 1]]), cloud.position)])
    K = placed(view.K + np.array([[0, 0, width], [0, 0, height], [0, 0, 0]]), cloud.position)
    return matrix, K, 3 * width, 3 * height


def footprints(
    cloud: Cloud, view: View, pose: Tensor, projected: tuple[Tensor, Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The rows of `images` (N, 6) and their reach (N, 2) from gsplat's radii, means, depths and conics."""
    radii, mean, depth, conic = projected
    shown = (radii > 0).all(dim=1)
    # What gsplat leaves out it leaves undefined.
    mean, depth = torch.where(shown[:, None], mean, 0), torch.where(shown, depth, 1)
    A, B, C = torch.where(shown[:, None], conic, placed(np.array([1.0, 0, 1]), conic)).double().unbind(1)
    determinant = A * C - B * B
    pose = pose.double()
    distance = (cloud.position.double() @ pose[:, :3].T + pose[:, 3]).norm(dim=1)
    mass = cloud.density * math.sqrt(2 * math.pi) * product(cloud.scale) * float(view.K[0, 0] * view.K[1, 1])
    peak = mass * distance / depth**3 * determinant.sqrt()
    u, v = (mean[:, axis] - view.size[axis] for axis in (0, 1))
    rows = torch.stack([u, v, A, -B / A, determinant / A, peak], dim=1).float()
    reach = CUTOFF * (torch.stack([C, A], dim=1) / determinant[:, None]).detach().sqrt()
    return torch.where(shown[:, None], rows, 0), torch.where(shown[:, None], reach, -1).float()
