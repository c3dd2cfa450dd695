"""How far the poses of vertebrae are determined: each is registered again from several starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .adjustment import Fit, adjusted
from .articulation import Articulation
from .result import distance
from .starts import restarts

COARSE_MARGIN_MM, FINE_MARGIN_MM, ITERATIONS = 12.0, 8.0, 10
SAME_LOSS = 1.05
"""Ratio of a restart's loss to the best one's up to which its result is as good."""
SAME_PLACE_MM = 0.5
"""Distance of the best restart from a pose beyond which it is tried at the finer resolution too."""


def spreads(coarse: Articulation, fine: Articulation, bones: Sequence[int]) -> dict[int, float]:
    """By bone: mm from the pose to the farthest of the results that fit as well.

    coarse, fine: the spine in X-rays of two resolutions. The restarts are made at the coarse one; where one of them
    ends elsewhere and fits better at the fine one too, it replaces the pose.
    """
    generator = np.random.default_rng((fine.settings.seed, 11))
    for n, pose in enumerate(fine.poses):
        coarse.move(n, pose)
    return {n: _spread(coarse, fine, n, generator) for n in bones}


def _spread(coarse: Articulation, fine: Articulation, n: int, generator: np.random.Generator) -> float:
    bone, pose = fine.spine.bones[n], fine.poses[n]
    window, prior = coarse.window(n, pose, COARSE_MARGIN_MM), coarse.prior(n)
    starts = restarts(pose, bone, fine.settings.restarts, generator)
    own, *fits = (adjusted(window, start, ITERATIONS, prior) for start in (pose, *starts))
    best = min([own, *fits], key=lambda fit: fit.loss)
    if best is not own and distance(best.pose, own.pose, bone.extent) > SAME_PLACE_MM:
        _try(fine, n, best)
    alike = [fit for fit in fits if fit.loss <= SAME_LOSS * best.loss]
    return max((distance(fit.pose, best.pose, bone.extent) for fit in alike), default=float("inf"))


def _try(fine: Articulation, n: int, start: Fit) -> None:
    """Take the result of a restart where it fits better."""
    other, own = fine.fit(n, start.pose, FINE_MARGIN_MM), fine.fits[n]
    if own is None or other.loss < own.loss:
        fine.place(n, other)
