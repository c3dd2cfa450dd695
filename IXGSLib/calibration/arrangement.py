"""Which images of a set have another layout than the rest, and which are at the wrong pose."""

from __future__ import annotations

import numpy as np

from ..compute.lanes import kernel
from ..geometry.rigid import Array
from .consistency import EpipolarPairs

MAX_SWEEPS = 10
"""Largest number of passes in which every view may change its layout."""
RANDOM_STARTS = 24
"""Number of initial orders from which a permutation is searched for."""


def layout_costs(pairs: EpipolarPairs, tables: np.ndarray) -> Array:
    """(views, layouts, views, layouts) disagreement of any two views in any layouts; 0 where they form no pair."""
    count = len(pairs.views)
    kinds = len(tables) // count
    costs = np.zeros((count, kinds, count, kinds))
    everyone = np.arange(len(pairs.first))
    for one in range(kinds):
        for other in range(kinds):
            found = pairs.compared(tables, everyone, one * count + pairs.first, other * count + pairs.second)
            found = np.nan_to_num(found, nan=1.0)
            costs[pairs.first, one, pairs.second, other] = costs[pairs.second, other, pairs.first, one] = found
    return costs


def best_layouts(costs: Array) -> np.ndarray:
    """(views,) the layouts with which all views agree best: coordinate descent from every common layout."""
    count, kinds = costs.shape[:2]
    views = np.arange(count)
    ends = []
    for kind in range(kinds):
        chosen = np.full(count, kind)
        for _ in range(MAX_SWEEPS):
            before = chosen.copy()
            for view in views:
                chosen[view] = np.argmin(costs[view][:, views, chosen].sum(axis=1))
            if np.array_equal(chosen, before):
                break
        ends.append((costs[views[:, None], chosen[:, None], views, chosen].sum(), kind, chosen))
    return min(ends, key=lambda end: end[:2])[2]


def order_costs(pairs: EpipolarPairs, tables: np.ndarray) -> np.ndarray:
    """(views, images, views, images) float32 disagreement of image a at pose i with image b at pose j."""
    count = len(pairs.views)
    costs = np.zeros((count, count, count, count), np.float32)
    one, other = (index.ravel() for index in np.meshgrid(np.arange(count), np.arange(count), indexing="ij"))
    one, other = one[one != other], other[one != other]
    for number, (i, j) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        found = np.nan_to_num(pairs.compared(tables, np.full(len(one), number), one, other), nan=1.0)
        costs[i, one, j, other] = costs[j, other, i, one] = found
    return costs


def swap_gains(pairs: EpipolarPairs, tables: np.ndarray) -> Array:
    """(views, views) disagreement of all pairs with view a or b after exchanging their images, over that before."""
    count = len(pairs.views)
    costs = np.zeros((count, count, count))  # of image a at pose i with view j as it is
    everyone = np.arange(len(pairs.first))
    for image in range(count):
        there = np.full(len(everyone), image)
        costs[pairs.first, image, pairs.second] = pairs.compared(tables, everyone, there, pairs.second)
        costs[pairs.second, image, pairs.first] = pairs.compared(tables, everyone, pairs.first, there)
    costs = np.nan_to_num(costs, nan=1.0)
    exchanged = np.zeros((count, count))
    crossed = np.nan_to_num(pairs.compared(tables, everyone, pairs.second, pairs.first), nan=1.0)
    exchanged[pairs.first, pairs.second] = exchanged[pairs.second, pairs.first] = crossed
    gains = np.ones((count, count))
    for a in range(count):
        for b in range(a):
            others = np.setdiff1d(np.arange(count), (a, b))
            before = costs[a, a, others].sum() + costs[b, b, others].sum() + costs[a, a, b]
            after = costs[a, b, others].sum() + costs[b, a, others].sum() + exchanged[a, b]
            gains[a, b] = gains[b, a] = after / max(before, 1e-9)
    return gains


def best_order(costs: np.ndarray, seed: int = 0) -> np.ndarray:
    """(views,) the image at each pose with which all views agree best: pairwise exchanges from many random orders."""
    generator, count = np.random.default_rng(seed), len(costs)
    ends = []
    for number in range(RANDOM_STARTS):
        order = np.arange(count) if number == 0 else generator.permutation(count)
        ends.append((_descend(costs, order), number, order))
    return min(ends, key=lambda end: end[:2])[2]


@kernel
def _descend(costs, order):
    """Exchange two images while that lowers the sum over all pairs; changes `order` in place and returns the sum."""
    count = len(order)
    better = True
    while better:
        better = False
        for i in range(count):
            for j in range(i):
                a, b = order[i], order[j]
                change = costs[i, b, j, a] - costs[i, a, j, b]
                for k in range(count):
                    if k != i and k != j:
                        c = order[k]
                        change += costs[i, b, k, c] + costs[j, a, k, c] - costs[i, a, k, c] - costs[j, b, k, c]
                if change < -1e-4:
                    order[i], order[j] = b, a
                    better = True
    total = 0.0
    for i in range(count):
        for j in range(i):
            total += costs[i, order[i], j, order[j]]
    return total
