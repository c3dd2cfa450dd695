"""Adam on the rows of a matrix, which can be selected and appended."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..compute.lanes import kernel
from ..compute.threads import run
from ..rendering import devices
from .kernel_constants import ADAM_BETA_1, ADAM_BETA_2, ADAM_EPSILON

ROWS_PER_BLOCK = 64
"""Rows that the CPU kernel processes together: a loop over the columns of one row is too short to be vectorised."""


class Adam:
    """Adam (Kingma and Ba, ICLR 2015) with a rate for each column.

    first, second: running means of the gradient and of its square, shaped like the parameters.
    """

    def __init__(self, parameters: Tensor, rates: Tensor) -> None:
        self.rates = rates
        self.first = torch.zeros_like(parameters)
        self.second = torch.zeros_like(parameters)
        self.steps = 0

    @torch.no_grad()
    def step(self, parameters: Tensor, gradient: Tensor, factor: float) -> None:
        """Move the parameters against the gradient, in place, at `factor` times the rates."""
        self.steps += 1
        factor = factor / (1 - ADAM_BETA_1**self.steps)
        correction = (1 - ADAM_BETA_2**self.steps) ** -0.5
        kernels = devices.kernels_for(parameters)
        if kernels == "cuda":
            from .cuda import adam

            adam.step(parameters, gradient, (self.first, self.second), self.rates, factor, correction)
            return
        rates = self.rates * factor
        if kernels == "cpu":
            flat = [t.view(-1).numpy() for t in (parameters, gradient.contiguous(), self.first, self.second)]
            run(_step, len(parameters), *flat, rates.repeat(ROWS_PER_BLOCK).numpy(), len(rates), np.float32(correction))
            return
        self.first.lerp_(gradient, 1 - ADAM_BETA_1)
        self.second.mul_(ADAM_BETA_2).addcmul_(gradient, gradient, value=1 - ADAM_BETA_2)
        parameters.sub_(self.first / self.second.sqrt().mul_(correction).add_(ADAM_EPSILON) * rates)

    def take(self, rows: Tensor, fresh: int) -> None:
        """Keep the chosen rows and append `fresh` rows without a history."""
        for name in ("first", "second"):
            kept = getattr(self, name)[rows]
            setattr(self, name, torch.cat([kept, kept.new_zeros(fresh, kept.shape[1])]))


@kernel
def _step(chunk, start, stop, parameters, gradient, first, second, rates, columns, correction):
    """`Adam.step` for the rows start to stop of flat arrays; rates: those of one row, ROWS_PER_BLOCK times."""
    fresh, squares = np.float32(1 - ADAM_BETA_1), np.float32(1 - ADAM_BETA_2)
    for row in range(start, stop, ROWS_PER_BLOCK):
        begin = np.uint64(row * columns)
        for n in range(np.uint64(min(ROWS_PER_BLOCK, stop - row) * columns)):
            i = begin + n
            g = gradient[i]
            first[i] += fresh * (g - first[i])
            second[i] += squares * (g * g - second[i])
            length = np.sqrt(second[i]) * correction + np.float32(ADAM_EPSILON)
            parameters[i] -= rates[n] * first[i] / length
