"""A penalty on attenuation between zero and the softest bone, which a bone-enhanced volume does not contain."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compute.lanes import kernel
from ..compute.threads import CHUNKS, run
from ..rendering import devices


def gap_penalty(values: Tensor, gap: float) -> Tensor:
    """Mean over all values v of 4 v (gap - v) / gap^2 where v is below `gap`, and of zero above; a scalar.

    The double-well potential of Modica and Mortola (Boll. UMI 14-B, 1977), which separates phases, extended by zero
    beyond its second well. It is negative below zero, where a cloud never is.
    """
    if devices.kernels_for(values) == "cpu":
        return _GapPenalty.apply(values, gap)
    return gap_penalty_reference(values, gap)


def gap_penalty_reference(values: Tensor, gap: float) -> Tensor:
    """`gap_penalty` in plain torch, for any device and precision."""
    share = (values / gap).clamp(max=1)
    return (4 * share * (1 - share)).mean()


class _GapPenalty(torch.autograd.Function):
    """`gap_penalty_reference` with its gradient, compiled for the CPU."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, gap: float) -> Tensor:
        v = np.ascontiguousarray(values.detach().numpy())
        gradient, sums = np.empty_like(v), np.zeros(CHUNKS)
        run(_well, v.size, v.reshape(-1), np.float32(1 / gap), np.float32(1 / v.size), gradient.reshape(-1), sums)
        ctx.gradient = torch.from_numpy(gradient)
        return torch.tensor(sums.sum() / v.size, dtype=torch.float32)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        return ctx.gradient * upstream[0], None


@kernel
def _well(chunk, start, stop, v, inverse, unit, gradient, sums):
    one, two, four = np.float32(1), np.float32(2), np.float32(4)
    total = 0.0
    for n in range(start, stop):
        share = v[n] * inverse
        inside = one if share < one else np.float32(0)
        total += inside * four * share * (one - share)
        gradient[n] = inside * four * inverse * unit * (one - two * share)
    sums[chunk] = total
