"""The lists of Gaussians that each tile draws.

Cells of level 0 are tiles; those of each further level are twice as wide. A Gaussian is listed at the first level at
which its box touches at most SPAN cells along each axis, so that the length of the lists is known without waiting for
the device, and a tile reads one list from each level. A larger SPAN means longer lists to sort and fewer tiles that
process a Gaussian outside their area.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
import torch
from torch import Tensor

from ...compute.placement import tensor_like

SPAN = 3
"""Largest number of cells along each axis in which a Gaussian is listed."""


@dataclass(frozen=True, eq=False)
class Lists:
    """The lists of all cells.

    ids: Gaussians sorted by cell, int32. starts: where the list of each cell begins, and where the last one ends,
    int32. bases: the first cell of each level, int32.
    """

    ids: Tensor
    starts: Tensor
    bases: Tensor

    @property
    def levels(self) -> int:
        return len(self.bases)


@torch.no_grad()
def lists(mean: Tensor, radius: Tensor, shape: tuple[int, ...], side: int) -> Lists:
    """The lists of an image or volume cut into tiles of `side` pixels along each axis.

    mean, radius: (N, d) in pixels, x first; nothing is drawn where a radius is negative or a value NaN. shape: x last.
    """
    axes = len(shape)
    tiles = tuple(-(-n // side) for n in shape[::-1])
    shifts, sizes, bases, offsets = _cells(tiles, mean.device)
    limit = tensor_like(np.array(shape[::-1]) - 1.0, mean)
    first = torch.ceil(mean - radius).clamp(min=0).minimum(limit + 1).nan_to_num(0).to(torch.int32) // side
    last = torch.floor(mean + radius).clamp(min=-1).minimum(limit).nan_to_num(-1).to(torch.int32)
    drawn = (radius[:, 0] >= 0) & (last >= 0).all(dim=1)
    last = last // side
    level = ((last[:, None] >> shifts) - (first[:, None] >> shifts) >= SPAN).any(dim=2).sum(dim=1)
    shift = level.to(torch.int32)[:, None]
    low, high = first >> shift, last >> shift
    cell = low[:, None] + offsets
    listed = drawn[:, None] & (cell <= high[:, None]).all(dim=2)
    key = cell[..., axes - 1]
    for axis in range(axes - 2, -1, -1):
        key = key * sizes[level, axis, None] + cell[..., axis]
    total = sum(prod(((n - 1) >> level) + 1 for n in tiles) for level in range(len(bases)))
    key = torch.where(listed, key + bases[level, None], total).to(torch.int32).reshape(-1)
    key, order = torch.sort(key, stable=True)
    edges = torch.arange(total + 1, dtype=torch.int32, device=mean.device)
    return Lists((order // SPAN**axes).to(torch.int32), torch.searchsorted(key, edges, out_int32=True), bases)


@lru_cache(maxsize=64)
def _cells(tiles: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Levels (L, 1), cells along each axis (L, d), first cell (L,) of each level; offsets in a box (SPAN^d, d)."""
    count = next(level for level in range(32) if (max(tiles) - 1) >> level < SPAN) + 1
    sizes = np.array([[((n - 1) >> level) + 1 for n in tiles] for level in range(count)])
    bases = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]])
    offsets = np.array(list(product(range(SPAN), repeat=len(tiles))))
    like = torch.empty(0, dtype=torch.int32, device=device)
    return tuple(tensor_like(a, like) for a in (np.arange(count)[:, None], sizes, bases, offsets))  # type: ignore[return-value]
