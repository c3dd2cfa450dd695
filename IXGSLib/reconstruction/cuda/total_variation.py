"""Total variation and its gradient in one kernel, which recomputes differences where they are needed."""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..kernel_constants import TV_EPSILON

BLOCK = 256
"""Number of voxels per program."""
LAUNCH = {"EPSILON": TV_EPSILON, "BLOCK": BLOCK, "num_warps": 4}


class TotalVariation(torch.autograd.Function):
    """`..total_variation.total_variation_reference` with its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, knee: float) -> Tensor:
        values = values.contiguous()
        programs = -(-values.numel() // BLOCK)
        terms, gradient = values.new_empty(programs), torch.empty_like(values)
        unit = 1 / math.prod(n - 1 for n in values.shape)
        vary[(programs,)](values, gradient, terms, *values.shape, 1 / knee, unit, **LAUNCH)
        ctx.gradient = gradient
        return terms.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        return ctx.gradient * upstream[0], None


@triton.jit
def steepness(here, up, right, ahead, EPSILON: tl.constexpr):
    """Length of the differences from a voxel to the next along k, j and i."""
    a, b, c = up - here, right - here, ahead - here
    return tl.sqrt(a * a + b * b + c * c + EPSILON)


@triton.jit
def vary(values, gradient, terms, nk, nj, ni, curvature, unit, EPSILON: tl.constexpr, BLOCK: tl.constexpr):
    """The cost of each voxel's differences, and the derivatives of its own cost and of those of the preceding voxels.

    values: (nk, nj, ni).
    """
    # A volume can hold more values than an int32 counts.
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    plane = nj.to(tl.int64) * ni
    k, j, i = place // plane, place // ni % nj, place % ni
    valid = k < nk
    # A voxel's differences count if it has a next voxel along each axis.
    low, near, left = k < nk - 1, j < nj - 1, i < ni - 1
    own, below = valid & low & near & left, valid & (k > 0) & near & left
    before, beside = valid & (j > 0) & low & left, valid & (i > 0) & low & near
    v = values + place
    here = tl.load(v, mask=valid, other=0.0)
    up = tl.load(v + plane, mask=own, other=0.0)
    right = tl.load(v + ni, mask=own, other=0.0)
    ahead = tl.load(v + 1, mask=own, other=0.0)
    length = steepness(here, up, right, ahead, EPSILON)
    root = tl.sqrt(1 + length * curvature)
    cost = tl.where(own, 2 * length / (1 + root), 0.0)
    slope = tl.where(own, (3 * here - up - right - ahead) / (length * root), 0.0)

    start = tl.load(v - plane, mask=below, other=0.0)
    right = tl.load(v - plane + ni, mask=below, other=0.0)
    ahead = tl.load(v - plane + 1, mask=below, other=0.0)
    length = steepness(start, here, right, ahead, EPSILON)
    slope += tl.where(below, (here - start) / (length * tl.sqrt(1 + length * curvature)), 0.0)

    start = tl.load(v - ni, mask=before, other=0.0)
    up = tl.load(v - ni + plane, mask=before, other=0.0)
    ahead = tl.load(v - ni + 1, mask=before, other=0.0)
    length = steepness(start, up, here, ahead, EPSILON)
    slope += tl.where(before, (here - start) / (length * tl.sqrt(1 + length * curvature)), 0.0)

    start = tl.load(v - 1, mask=beside, other=0.0)
    up = tl.load(v - 1 + plane, mask=beside, other=0.0)
    right = tl.load(v - 1 + ni, mask=beside, other=0.0)
    length = steepness(start, up, right, here, EPSILON)
    slope += tl.where(beside, (here - start) / (length * tl.sqrt(1 + length * curvature)), 0.0)

    tl.store(gradient + place, unit * slope, mask=valid)
    tl.store(terms + tl.program_id(0), unit * tl.sum(cost, axis=0))
