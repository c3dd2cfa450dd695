"""The renderer on the CPU: compiled kernels on all cores behind torch's automatic differentiation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..gaussians import Cloud
from ..geometry import Grid, View
from . import footprint, voxels
from .lanes import WIDTH
from .threads import CHUNKS, run


def project(cloud: Cloud, view: View, pose: Tensor) -> Tensor:
    """Line integrals (height, width); pose: camera_from_world (3, 4)."""
    return _Project.apply(cloud.position, cloud.scale, cloud.rotation, cloud.density, pose, view)


def voxelize(cloud: Cloud, grid: Grid) -> Tensor:
    """Attenuation [k, j, i] in 1/mm."""
    return _Voxelize.apply(cloud.position, cloud.scale, cloud.rotation, cloud.density, grid)


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, position, scale, rotation, density, pose, view: View) -> Tensor:
        arrays = [np.ascontiguousarray(t.detach().numpy()) for t in (position, scale, rotation, density)]
        E = np.ascontiguousarray(pose.detach().numpy(), dtype=np.float64)
        width, height = view.size
        prints = np.empty((len(density), footprint.PARAMETERS), np.float32)
        run(footprint.footprints, len(density), *arrays, view.K, E, width, height, prints)
        images = np.zeros((CHUNKS, height, width + WIDTH), np.float32)
        run(footprint.splat, len(density), prints, images)
        ctx.kept = arrays, E, view.K, prints
        ctx.pose_type = pose.dtype
        return torch.from_numpy(images.sum(axis=0)[:, :width])

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        arrays, E, K, prints = ctx.kept
        height, width = upstream[0].shape
        image = np.zeros((height, width + WIDTH), np.float32)
        image[:, :width] = upstream[0].numpy()
        sums = np.empty((len(prints), 6), np.float32)
        run(footprint.gather, len(prints), prints, image, sums)
        gradients = np.empty((len(prints), 11), np.float32)
        pose = np.zeros((CHUNKS, 3, 4))
        run(footprint.pull_back, len(prints), *arrays, K, E, prints, sums, gradients, pose)
        position, scale, rotation, density = torch.from_numpy(gradients).split((3, 3, 4, 1), dim=1)
        return position, scale, rotation, density[:, 0], torch.from_numpy(pose.sum(axis=0)).to(ctx.pose_type), None


class _Voxelize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, position, scale, rotation, density, grid: Grid) -> Tensor:
        arrays = [np.ascontiguousarray(t.detach().numpy()) for t in (position, scale, rotation, density)]
        blobs = np.empty((len(density), voxels.PARAMETERS), np.float32)
        frame = voxels.index_from_world(grid)
        run(voxels.blobs, len(density), *arrays, frame, grid.voxel_volume, np.array(grid.shape), blobs)
        nk, nj, ni = grid.shape
        values = np.zeros((nk, nj, ni + WIDTH), np.float32)
        run(voxels.fill, nk, blobs, values)
        ctx.kept = arrays, frame, grid.voxel_volume, blobs
        return torch.from_numpy(np.ascontiguousarray(values[:, :, :ni]))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        arrays, frame, volume, blobs = ctx.kept
        nk, nj, ni = upstream[0].shape
        values = np.zeros((nk, nj, ni + WIDTH), np.float32)
        values[:, :, :ni] = upstream[0].numpy()
        gradients = np.empty((len(blobs), 11), np.float32)
        run(voxels.pull_back, len(blobs), *arrays, frame, volume, blobs, values, gradients)
        position, scale, rotation, density = torch.from_numpy(gradients).split((3, 3, 4, 1), dim=1)
        return position, scale, rotation, density[:, 0], None
