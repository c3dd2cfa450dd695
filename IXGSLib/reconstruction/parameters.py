"""A cloud as unconstrained parameters; all their values are valid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compute.lanes import kernel
from ..compute.threads import run
from ..gaussians import Cloud
from ..rendering import devices

COLUMNS = 11
"""Number of parameters per Gaussian: 0-2 position in mm, 3-5 logarithms of scale, 6-9 quaternion, 10 raw density."""


def pack(cloud: Cloud, density_unit: float) -> Tensor:
    """(N, COLUMNS) parameters of a cloud; the raw density is the inverse softplus of density / density_unit."""
    ratio = (cloud.density / density_unit).clamp(min=1e-6)
    raw = torch.where(ratio > 20, ratio, torch.log(torch.expm1(ratio)))
    return torch.cat([cloud.position, cloud.scale.log(), cloud.rotation, raw[:, None]], dim=1).contiguous()


def unpack(raw: Tensor, density_unit: float) -> Cloud:
    """The cloud of parameters (N, COLUMNS); differentiable."""
    if devices.kernels_for(raw) == "cpu":
        return Cloud(*_Unpack.apply(raw, density_unit))
    return unpack_reference(raw, density_unit)


def unpack_reference(raw: Tensor, density_unit: float) -> Cloud:
    """`unpack` in plain torch, for any device and precision."""
    position, scale, rotation, density = raw.split((3, 3, 4, 1), dim=1)
    # torch's vectorised functions need contiguous memory.
    density = density_unit * torch.nn.functional.softplus(density[:, 0].contiguous())
    return Cloud(position.contiguous(), scale.contiguous().exp(), rotation.contiguous(), density)


@torch.no_grad()
def limit(raw: Tensor, smallest: float, largest: float, aspect: float) -> None:
    """Clamp scales to [smallest, largest] mm and the longest axis to at most `aspect` times the shortest; in place."""
    ends, log_aspect = (math.log(smallest), math.log(largest)), math.log(aspect)
    if devices.kernels_for(raw) == "cpu":
        run(_limit, len(raw), raw.numpy(), *map(np.float32, (*ends, log_aspect)))
        return
    scale = raw[:, 3:6]
    scale.clamp_(*ends)
    torch.maximum(scale, scale.amax(dim=1, keepdim=True) - log_aspect, out=scale)


class _Unpack(torch.autograd.Function):
    """`unpack_reference` with its gradient, compiled for the CPU."""

    @staticmethod
    def forward(ctx: Any, raw: Tensor, unit: float) -> tuple[Tensor, ...]:
        numbers, count = np.ascontiguousarray(raw.detach().numpy()), len(raw)
        cloud = tuple(np.empty((count, *columns), np.float32) for columns in ((3,), (3,), (4,), ()))
        run(_unpack, count, numbers, np.float32(unit), cloud)
        ctx.kept = numbers, unit, cloud
        return tuple(map(torch.from_numpy, cloud))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        numbers, unit, (_, scale, _, _) = ctx.kept
        gradients, gradient = tuple(np.ascontiguousarray(g.numpy()) for g in upstream), np.empty_like(numbers)
        run(_pull_back, len(numbers), numbers, np.float32(unit), scale, gradients, gradient)
        return torch.from_numpy(gradient), None


@kernel
def _unpack(chunk, start, stop, raw, unit, cloud):
    position, scale, rotation, density = cloud
    for i in range(start, stop):
        for c in range(3):
            position[i, c] = raw[i, c]
            scale[i, c] = math.exp(raw[i, 3 + c])
        for c in range(4):
            rotation[i, c] = raw[i, 6 + c]
        x = raw[i, 10]
        # Above 20 the logarithm of 1 + exp(x) is x in float32.
        density[i] = unit * (x if x > 20 else math.log1p(math.exp(x)))


@kernel
def _pull_back(chunk, start, stop, raw, unit, scale, gradients, gradient):
    """The gradient (N, COLUMNS) from those of the cloud's arrays."""
    position, to_scale, rotation, density = gradients
    one = np.float32(1)
    for i in range(start, stop):
        for c in range(3):
            gradient[i, c] = position[i, c]
            gradient[i, 3 + c] = to_scale[i, c] * scale[i, c]
        for c in range(4):
            gradient[i, 6 + c] = rotation[i, c]
        gradient[i, 10] = density[i] * unit / (one + math.exp(-raw[i, 10]))


@kernel
def _limit(chunk, start, stop, raw, smallest, largest, aspect):
    for i in range(start, stop):
        longest = smallest
        for c in range(3, 6):
            raw[i, c] = min(max(raw[i, c], smallest), largest)
            longest = max(longest, raw[i, c])
        for c in range(3, 6):
            raw[i, c] = max(raw[i, c], longest - aspect)
