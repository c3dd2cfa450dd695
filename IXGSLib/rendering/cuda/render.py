"""Projecting and voxelizing a cloud by the kernels of `images` and `volumes`.

The backward pass gathers the moments of each Gaussian, from which the derivatives of its row follow.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from ...compute import memory
from ...gaussians import Cloud
from ...geometry import Grid, View
from . import ellipses, images, tiles, volumes


def project(cloud: Cloud, view: View, pose: Tensor, parts: int | None = None) -> Tensor:
    """Line integrals (height, width); pose: camera_from_world (3, 4). parts: see `_in_parts`."""

    def render(cloud: Cloud) -> Tensor:
        rows, radius = ellipses.footprints(cloud, view, pose)
        return draw(rows, radius, (view.size[1], view.size[0]))

    return _in_parts(render, cloud, parts)


def voxelize(cloud: Cloud, grid: Grid, parts: int | None = None) -> Tensor:
    """Attenuation [k, j, i] in 1/mm. parts: see `_in_parts`."""

    def render(cloud: Cloud) -> Tensor:
        rows, radius = ellipses.blobs(cloud, grid)
        return _Fill.apply(rows, radius, grid.shape)

    return _in_parts(render, cloud, parts)


def _in_parts(render: Any, cloud: Cloud, parts: int | None) -> Tensor:
    """The sum of the renders of several parts of a cloud, rendered again in the backward pass to save memory.

    parts: None takes `memory.part_count`.
    """
    parts = memory.part_count() if parts is None else parts
    if parts == 1 or len(cloud) < parts:
        return render(cloud)
    columns = (cloud.position, cloud.scale, cloud.rotation, cloud.density)
    total: Any = 0
    for piece in zip(*(column.tensor_split(parts) for column in columns), strict=True):
        total = total + checkpoint(
            lambda *part: render(Cloud(*part)), *piece, use_reentrant=False, preserve_rng_state=False
        )
    return total


def draw(rows: Tensor, radius: Tensor, shape: tuple[int, int]) -> Tensor:
    """The image (height, width) of the rows of `images` (N, 6) with a radius (N, 2)."""
    return _Draw.apply(rows, radius, shape)


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, radius: Tensor, shape: tuple[int, int]) -> Tensor:
        rows, radius = rows.contiguous(), radius.contiguous()
        ctx.save_for_backward(rows, radius)
        height, width = shape
        image = rows.new_empty(shape)
        lists = tiles.lists(rows[:, :2], radius, shape, images.SIDE)
        across, down = (-(-n // images.SIDE) for n in (width, height))
        images.draw[(across * down,)](
            rows, radius, lists.ids, lists.starts, lists.bases, image, width, height, across,
            LEVELS=lists.levels, **images.DRAW,
        )  # fmt: skip
        return image + _nan_unless_finite(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        rows, radius = ctx.saved_tensors
        image = upstream[0].contiguous()
        sums = torch.empty_like(rows)
        if len(rows):
            height, width = image.shape
            images.gather[(len(rows),)](rows, radius, image, sums, width, height, **images.GATHER)
        _, _, A, slope, tail, peak = rows.unbind(1)
        m, r, y, rr, ry, yy = sums.unbind(1)
        columns = [peak * A * r, peak * (tail * y - slope * A * r)]
        columns += [-peak / 2 * rr, peak * A * ry, -peak / 2 * yy, m]
        return torch.stack(columns, dim=1), None, None


class _Fill(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, radius: Tensor, shape: tuple[int, int, int]) -> Tensor:
        rows, radius = rows.contiguous(), radius.contiguous()
        ctx.save_for_backward(rows, radius)
        values = rows.new_empty(shape)
        lists = tiles.lists(rows[:, :3], radius, shape, volumes.SIDE)
        counts = [-(-n // volumes.SIDE) for n in shape[::-1]]
        volumes.fill[(math.prod(counts),)](
            rows, radius, lists.ids, lists.starts, lists.bases, values, *shape[::-1], *counts[:2],
            LEVELS=lists.levels, **volumes.FILL,
        )  # fmt: skip
        return values.add_(_nan_unless_finite(rows))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        rows, radius = ctx.saved_tensors
        values = upstream[0].contiguous()
        sums = torch.empty_like(rows)
        if len(rows):
            nz, ny, nx = values.shape
            volumes.gather[(len(rows),)](rows, radius, values, sums, nx, ny, nz, **volumes.GATHER)
        _, _, _, A, slope, tail, shift_x, shift_y, depth, peak = rows.unbind(1)
        m, r, q, z, rr, rq, rz, qq, qz, zz = sums.unbind(1)
        r, rq, rz, q, qz = A * r, A * rq, A * rz, tail * q, tail * qz
        columns = [peak * r, peak * (q - slope * r)]
        columns += [peak * (depth * z - shift_y * q - (shift_x - slope * shift_y) * r)]
        columns += [-peak / 2 * rr, peak * rq, -peak / 2 * qq]
        columns += [peak * rz, peak * (qz - slope * rz), -peak / 2 * zz, m]
        return torch.stack(columns, dim=1), None, None


def _nan_unless_finite(rows: Tensor) -> Tensor:
    """Zero, or NaN when a row is not finite: the render then shows it without waiting for the device."""
    return torch.where(torch.isfinite(rows).all(), 0.0, math.nan)
