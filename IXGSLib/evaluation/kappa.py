"""Agreement of two ordered ratings beyond chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def weighted_kappa(first: Sequence[int], second: Sequence[int], categories: int) -> float:
    """Cohen's kappa with quadratic weights (Cohen, Psychological Bulletin 1968): 1 for equal ratings, 0 by chance.

    first, second: ratings of the same items, whole numbers from 0 to `categories` - 1. nan without items, and where
    both raters give one and the same rating to all of them, so that chance alone explains full agreement.
    """
    a, b = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    if len(a) == 0:
        return float("nan")
    disagreement = np.mean((a - b) ** 2.0)
    levels = np.arange(categories)
    shares = [np.bincount(each, minlength=categories) / len(each) for each in (a, b)]
    by_chance = float(shares[0] @ ((levels[:, None] - levels) ** 2.0) @ shares[1])
    return float(1 - disagreement / by_chance) if by_chance > 0 else float("nan")
