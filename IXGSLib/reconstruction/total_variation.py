"""Isotropic total variation of a volume (Rudin, Osher and Fatemi, Physica D 1992), and a concave form of it.

Differences far beyond a knee count as their square root, so that many small differences cost more than one large one:
with few projections, a power below one preserves edges (Chartrand, IEEE SPL 2007).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compute.lanes import kernel
from ..compute.threads import CHUNKS, run
from ..rendering import devices
from .kernel_constants import TV_EPSILON


def total_variation(values: Tensor, knee: float = math.inf) -> Tensor:
    """Mean of 2 knee (sqrt(1 + length / knee) - 1) over values [k, j, i], a scalar.

    length: Euclidean norm of the differences to the next voxel along each axis. An infinite knee gives the mean length.
    Zero for a single slice.
    """
    if min(values.shape) == 1:
        return 0 * values.sum()
    kernels = devices.kernels_for(values)
    if kernels == "cuda":
        from .cuda.total_variation import TotalVariation

        return TotalVariation.apply(values, knee)
    if kernels == "cpu":
        return _TotalVariation.apply(values, knee)
    return total_variation_reference(values, knee)


def total_variation_reference(values: Tensor, knee: float = math.inf) -> Tensor:
    """`total_variation` in plain torch, for any device and precision."""
    here = values[:-1, :-1, :-1]
    differences = (values[1:, :-1, :-1] - here, values[:-1, 1:, :-1] - here, values[:-1, :-1, 1:] - here)
    length = sum(d * d for d in differences).add(TV_EPSILON).sqrt()  # type: ignore[union-attr]
    # Equivalent, but without the cancellation of two large numbers.
    return (2 * length / (1 + (1 + length / knee).sqrt())).mean()


class _TotalVariation(torch.autograd.Function):
    """`total_variation_reference` with its gradient, compiled for the CPU."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, knee: float) -> Tensor:
        v = np.ascontiguousarray(values.detach().numpy())
        slopes, sums = np.zeros_like(v), np.zeros(CHUNKS)
        count = math.prod(n - 1 for n in v.shape)
        run(_lengths, v.shape[0] - 1, v, np.float32(1 / knee), slopes, sums)
        gradient = np.empty_like(v)
        run(_divergence, v.shape[0], v, slopes, np.float32(1 / count), gradient)
        ctx.gradient = torch.from_numpy(gradient)
        return torch.tensor(sums.sum() / count, dtype=torch.float32)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        return ctx.gradient * upstream[0], None


@kernel
def _lengths(chunk, start, stop, v, curvature, slopes, sums):
    """Sum the costs of the differences; store each cost's derivative divided by its length, zero on the last planes."""
    total, one, two = 0.0, np.float32(1), np.float32(2)
    for k in range(start, stop):
        for j in range(v.shape[1] - 1):
            row = np.float32(0)
            for i in range(v.shape[2] - 1):
                a, b, c = v[k + 1, j, i] - v[k, j, i], v[k, j + 1, i] - v[k, j, i], v[k, j, i + 1] - v[k, j, i]
                length = np.sqrt(a * a + b * b + c * c + np.float32(TV_EPSILON))
                root = np.sqrt(one + length * curvature)
                slopes[k, j, i] = one / (length * root)
                row += two * length / (one + root)
            total += row
    sums[chunk] = total


@kernel
def _divergence(chunk, start, stop, v, slopes, unit, gradient):
    """The derivative with respect to every voxel: of its own length and those of its predecessors along each axis."""
    for k in range(start, stop):
        up, above = min(k + 1, v.shape[0] - 1), max(k - 1, 0)
        for j in range(v.shape[1]):
            right, left = min(j + 1, v.shape[1] - 1), max(j - 1, 0)
            for i in range(v.shape[2]):
                here = v[k, j, i]
                after = v[up, j, i] + v[k, right, i] + v[k, j, min(i + 1, v.shape[2] - 1)] - np.float32(3) * here
                total = -slopes[k, j, i] * after
                total += slopes[above, j, i] * (here - v[above, j, i])
                total += slopes[k, left, i] * (here - v[k, left, i])
                total += slopes[k, j, max(i - 1, 0)] * (here - v[k, j, max(i - 1, 0)])
                gradient[k, j, i] = unit * total
