"""A step of Adam in one kernel."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from ..kernel_constants import ADAM_BETA_1, ADAM_BETA_2, ADAM_EPSILON

BLOCK = 256
"""Number of values per program."""
LAUNCH = {"BETA_1": ADAM_BETA_1, "BETA_2": ADAM_BETA_2, "EPSILON": ADAM_EPSILON, "BLOCK": BLOCK, "num_warps": 4}


def step(
    parameters: Tensor,
    gradient: Tensor,
    moments: tuple[Tensor, Tensor],
    rates: Tensor,
    factor: float,
    correction: float,
) -> None:
    """Move contiguous parameters (N, C) at `factor` times the rates (C,), in place.

    moments: running means of the gradient and of its square, each like the parameters. correction: see `..adam`.
    """
    count, columns = parameters.numel(), len(rates)
    move[(-(-count // BLOCK),)](
        parameters, gradient.contiguous(), *moments, rates, factor, correction, count, columns, **LAUNCH
    )


@triton.jit
def move(
    parameters, gradient, first, second, rates, factor, correction, count, columns,
    BETA_1: tl.constexpr, BETA_2: tl.constexpr, EPSILON: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    valid = place < count
    g = tl.load(gradient + place, mask=valid, other=0.0)
    m, v = tl.load(first + place, mask=valid, other=0.0), tl.load(second + place, mask=valid, other=0.0)
    m += (1 - BETA_1) * (g - m)
    v += (1 - BETA_2) * (g * g - v)
    rate = factor * tl.load(rates + place % columns, mask=valid, other=0.0)
    moved = tl.load(parameters + place, mask=valid, other=0.0) - rate * m / (tl.sqrt(v) * correction + EPSILON)
    tl.store(first + place, m, mask=valid)
    tl.store(second + place, v, mask=valid)
    tl.store(parameters + place, moved, mask=valid)
