"""Adam on the rows of one matrix, which can be chosen, copied and appended."""

from __future__ import annotations

import torch
from torch import Tensor

BETA_1 = 0.9
BETA_2 = 0.999
EPSILON = 1e-15


class Adam:
    """Kingma and Ba, ICLR 2015, with a rate for each column.

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
        self.first.lerp_(gradient, 1 - BETA_1)
        self.second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        length = self.second.sqrt().mul_((1 - BETA_2**self.steps) ** -0.5).add_(EPSILON)
        parameters.sub_(self.first / length * (self.rates * (factor / (1 - BETA_1**self.steps))))

    def take(self, rows: Tensor, fresh: int) -> None:
        """Keep the chosen rows and append `fresh` rows that have seen no gradient yet."""
        for name in ("first", "second"):
            kept = getattr(self, name)[rows]
            setattr(self, name, torch.cat([kept, kept.new_zeros(fresh, kept.shape[1])]))
