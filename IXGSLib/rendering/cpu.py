"""The renderer on the CPU: compiled kernels on all cores as differentiable torch functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..compute.lanes import WIDTH
from ..compute.merging import sum_chunks
from ..compute.threads import CHUNKS, run
from ..gaussians import Cloud
from ..geometry import Grid, View
from . import footprint, voxels


def project(cloud: Cloud, view: View, pose: Tensor) -> Tensor:
    """Line integrals (height, width); pose: camera_from_world (3, 4)."""
    return _Project.apply(cloud.position, cloud.scale, cloud.rotation, cloud.density, pose, view)


def voxelize(cloud: Cloud, grid: Grid) -> Tensor:
    """Attenuation [k, j, i] in 1/mm."""
    return _Voxelize.apply(cloud.position, cloud.scale, cloud.rotation, cloud.density, grid)


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, position, scale, rotation, density, pose, view: View) -> Tensor:
        ctx.save_for_backward(position, scale, rotation, density, pose)
        cloud, E, K = _arrays(position, scale, rotation, density), _matrix(pose), np.array(view.K, order="C")
        width, height = view.size
        prints = np.empty((len(density), footprint.COLUMNS), np.float32)
        run(footprint.footprints, len(density), cloud, K, E, width, height, prints)
        images = np.empty((CHUNKS, height, width + WIDTH), np.float32)
        run(footprint.splat, len(density), prints, images)
        ctx.kept = K, prints
        return torch.from_numpy(sum_chunks(images, width))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        *tensors, pose = ctx.saved_tensors
        cloud, E, (K, prints) = _arrays(*tensors), _matrix(pose), ctx.kept
        sums = np.empty((len(prints), 6), np.float32)
        run(footprint.gather, len(prints), prints, _padded(upstream[0]), sums)
        gradients = tuple(np.empty_like(array) for array in cloud)
        poses = np.zeros((CHUNKS, 3, 4))
        run(footprint.pull_back, len(prints), cloud, K, E, prints, sums, gradients, poses)
        return *map(torch.from_numpy, gradients), torch.from_numpy(poses.sum(axis=0)).to(pose), None


class _Voxelize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, position, scale, rotation, density, grid: Grid) -> Tensor:
        ctx.save_for_backward(position, scale, rotation, density)
        cloud, frame = _arrays(position, scale, rotation, density), voxels.index_from_world(grid)
        blobs = np.empty((len(density), voxels.COLUMNS), np.float32)
        run(voxels.blobs, len(density), cloud, frame, grid.voxel_volume, np.array(grid.shape), blobs)
        nk, nj, ni = grid.shape
        values = np.zeros((nk, nj, ni + WIDTH), np.float32)
        run(voxels.fill, nk, blobs, values)
        ctx.kept = frame, grid.voxel_volume, blobs
        return torch.from_numpy(np.ascontiguousarray(values[:, :, :ni]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        cloud, (frame, volume, blobs) = _arrays(*ctx.saved_tensors), ctx.kept
        gradients = tuple(np.empty_like(array) for array in cloud)
        run(voxels.pull_back, len(blobs), cloud, frame, volume, blobs, _padded(upstream[0]), gradients)
        return *map(torch.from_numpy, gradients), None


def _arrays(*tensors: Tensor) -> tuple[np.ndarray, ...]:
    """Tensors as contiguous arrays, for which the kernels are compiled."""
    return tuple(np.ascontiguousarray(tensor.detach().numpy()) for tensor in tensors)


def _matrix(pose: Tensor) -> np.ndarray:
    return np.ascontiguousarray(pose.detach().numpy(), dtype=np.float64)


def _padded(image: Tensor) -> np.ndarray:
    """An image or volume with WIDTH more columns of zeros."""
    values = np.zeros((*image.shape[:-1], image.shape[-1] + WIDTH), np.float32)
    values[..., : image.shape[-1]] = image.numpy()
    return values
