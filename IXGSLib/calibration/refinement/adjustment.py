"""All poses at once from epipolar consistency, by the Levenberg-Marquardt method.

The cost is the sum over all pairs of views of a robust measure of their disagreement, and a prior that keeps each pose
near its start. It needs no volume, so that an iteration over 30 views takes a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.rigid import Array
from ...geometry.twists import change_between, changed
from .epipolar import EpipolarImages, Evidence

MAX_SQUARED_DISAGREEMENT = 0.25
"""Squared residual of a pair from which it counts by its square root only: such pairs do not match yet, or never."""
PRIOR_WEIGHT = 0.01
"""Squared residual of a pair that weighs as much as a view that is one expected error away from its start."""
DAMPING, DAMPING_STEP, MIN_DAMPING = 1e-2, 4.0, 1e-6
"""Initial damping as a fraction of the diagonal, its factor when an iteration fails or succeeds, and its minimum."""
MAX_ATTEMPTS = 6
"""Steps that are tried in one iteration, each with more damping."""
MIN_GAIN = 1e-4
"""Relative gain of an iteration below which the poses count as found."""


@dataclass(frozen=True, eq=False)
class Adjustment:
    """Poses that agree best.

    poses: (views, 4, 4) world_from_camera. cost: what was minimised. disagreement: (pairs,) 1 minus the correlation
    along corresponding lines. information: (6 views, 6 views) half the curvature of the cost, in the images' units.
    pulls: (pairs, 12) half the gradient of each pair's cost, by the first view, then the second.
    """

    poses: Array
    cost: float
    disagreement: Array
    information: Array
    pulls: Array


def adjusted(
    images: EpipolarImages | Evidence, start: Array, initial: Array, expected: Array, iterations: int
) -> Adjustment:
    """The poses that minimise the cost.

    start: poses (views, 4, 4) that the prior prefers. initial: those to begin with. expected: (views, 6) standard
    deviations of the errors of the start, in the units of the images.
    """
    problem = _Problem(images, start, expected)
    poses, damping = initial, DAMPING
    cost = problem.cost(poses)
    for _ in range(iterations):
        gradient, curvature, _ = problem.linearized(poses)
        for _ in range(MAX_ATTEMPTS):
            step = -np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
            moved = changed(poses, step.reshape(-1, 6) * images.units, images.center)
            reached = problem.cost(moved)
            if reached < cost:
                break
            damping *= DAMPING_STEP
        else:
            break
        gain = (cost - reached) / cost
        poses, cost, damping = moved, reached, max(damping / DAMPING_STEP, MIN_DAMPING)
        if gain < MIN_GAIN:
            break
    _, curvature, pulls = problem.linearized(poses)
    return Adjustment(poses, cost, images.disagreement(poses), curvature, pulls)


@dataclass(frozen=True, eq=False)
class _Problem:
    """The cost and its derivatives; start and expected: as in `adjusted`."""

    images: EpipolarImages | Evidence
    start: Array
    expected: Array

    def cost(self, poses: Array) -> float:
        squared = _squared(self.images.residuals(poses))
        return float(robust(squared).sum() + PRIOR_WEIGHT * np.square(self._from_start(poses)).sum())

    def linearized(self, poses: Array) -> tuple[Array, Array, Array]:
        """Half the gradient (6 views,) of the cost, half its Gauss-Newton curvature, and the pulls."""
        residuals, slopes = self.images.linearized(poses)
        weights = np.minimum(1, np.sqrt(MAX_SQUARED_DISAGREEMENT / np.maximum(_squared(residuals), 1e-12)))
        across = np.swapaxes(slopes, 1, 2) * weights[:, None, None]
        gradients, curvatures = (across @ residuals[..., None])[..., 0], across @ slopes
        count = len(poses)
        gradient, curvature = np.zeros((count, 6)), np.zeros((count, count, 6, 6))
        ends = self.images.pairs.T
        for a, one in enumerate(ends):
            rows = slice(6 * a, 6 * a + 6)
            np.add.at(gradient, one, gradients[:, rows])
            for b, other in enumerate(ends):
                np.add.at(curvature, (one, other), curvatures[:, rows, 6 * b : 6 * b + 6])
        gradient += PRIOR_WEIGHT * self._from_start(poses) / self.expected
        prior = PRIOR_WEIGHT / np.square(self.expected).ravel()
        curvature = curvature.transpose(0, 2, 1, 3).reshape(6 * count, 6 * count) + np.diag(prior)
        return gradient.ravel(), curvature, gradients

    def _from_start(self, poses: Array) -> Array:
        """(views, 6) the change from the start, as a multiple of the expected error."""
        change = change_between(self.start, poses, self.images.center)
        return change / self.images.units / self.expected


def _squared(residuals: Array) -> Array:
    return np.square(residuals).sum(axis=1)


def robust(squared: Array) -> Array:
    """Squared residuals of pairs, beyond the limit replaced by Huber's continuation with the same value and slope."""
    beyond = 2 * np.sqrt(MAX_SQUARED_DISAGREEMENT * squared) - MAX_SQUARED_DISAGREEMENT
    return np.where(squared < MAX_SQUARED_DISAGREEMENT, squared, beyond)
