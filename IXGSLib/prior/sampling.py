"""Features of views at the voxels of a lattice, gathered over all views; compiled for the CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..compute.lanes import kernel
from ..compute.threads import run
from ..geometry import Grid
from .features import FeatureView

FEATURES = 3
"""Largest number of features that are gathered at once; with the field they fill a vector register."""
MIN_INSIDE = 0.99
"""Share of the four pixels around a point that must be measured for the view to show it."""
MIN_VARIANCE = 1e-4
"""Added to variances."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Of some features over the views that show a voxel: means and standard deviations (features, nk, nj, ni) float32.

    least: [k, j, i] of the first feature. counts: [k, j, i] of these views. All are zero where no view shows a voxel.
    """

    means: np.ndarray
    deviations: np.ndarray
    least: np.ndarray
    counts: np.ndarray


def moments(views: Sequence[FeatureView], names: Sequence[int], grid: Grid) -> Moments:
    """The moments of up to FEATURES features at the centres of the voxels of a grid; the images are of one size."""
    pixels = np.zeros((len(views), *views[0].standardized.image.shape, FEATURES + 1), np.float32)
    for each, view in zip(pixels, views, strict=True):
        each[..., : len(names)] = view.features[list(names)].transpose(1, 2, 0)
        each[..., FEATURES] = view.standardized.mask
    matrices = np.stack([view.standardized.view.projection_matrix @ grid.world_from_index for view in views])
    means, deviations = (np.empty((*grid.shape, FEATURES), np.float32) for _ in range(2))
    least, counts = (np.empty(grid.shape, np.float32) for _ in range(2))
    run(_gather, grid.shape[0], pixels, matrices, means, deviations, least, counts)
    means, deviations = (np.moveaxis(values[..., : len(names)], -1, 0) for values in (means, deviations))
    return Moments(means, deviations, least, counts)


@kernel
def _gather(chunk, start, stop, pixels, matrices, means, deviations, least, counts):
    """Fill slices start to stop; pixels (views, rows, columns, FEATURES and the field), matrices (views, 3, 4)."""
    f = np.float32
    views, rows, columns, _ = pixels.shape
    rays = np.empty((views, 3))
    for k in range(start, stop):
        for j in range(means.shape[1]):
            for n in range(views):
                for axis in range(3):
                    rays[n, axis] = matrices[n, axis, 1] * j + matrices[n, axis, 2] * k + matrices[n, axis, 3]
            for i in range(means.shape[2]):
                s0, s1, s2, q0, q1, q2 = f(0), f(0), f(0), f(0), f(0), f(0)
                lowest, count = f(np.inf), 0
                for n in range(views):
                    depth = rays[n, 2] + matrices[n, 2, 0] * i
                    if not depth > 0:
                        continue
                    scale = 1 / depth
                    x = (rays[n, 0] + matrices[n, 0, 0] * i) * scale
                    y = (rays[n, 1] + matrices[n, 1, 0] * i) * scale
                    if not (0 <= x < columns - 1 and 0 <= y < rows - 1):
                        continue
                    left, top = np.intp(x), np.intp(y)
                    u, v = f(x - left), f(y - top)
                    a, b, c, d = (f(1) - u) * (f(1) - v), u * (f(1) - v), (f(1) - u) * v, u * v
                    P, Q = pixels[n, top, left], pixels[n, top, left + 1]
                    R, S = pixels[n, top + 1, left], pixels[n, top + 1, left + 1]
                    if not a * P[3] + b * Q[3] + c * R[3] + d * S[3] > MIN_INSIDE:
                        continue
                    v0 = a * P[0] + b * Q[0] + c * R[0] + d * S[0]
                    v1 = a * P[1] + b * Q[1] + c * R[1] + d * S[1]
                    v2 = a * P[2] + b * Q[2] + c * R[2] + d * S[2]
                    s0, s1, s2 = s0 + v0, s1 + v1, s2 + v2
                    q0, q1, q2 = q0 + v0 * v0, q1 + v1 * v1, q2 + v2 * v2
                    lowest = min(lowest, v0)
                    count += 1
                share = f(1) / f(max(count, 1))
                s0, s1, s2 = s0 * share, s1 * share, s2 * share
                mean, deviation = means[k, j, i], deviations[k, j, i]
                mean[0], mean[1], mean[2] = s0, s1, s2
                deviation[0] = math.sqrt(max(q0 * share - s0 * s0, f(0)) + f(MIN_VARIANCE))
                deviation[1] = math.sqrt(max(q1 * share - s1 * s1, f(0)) + f(MIN_VARIANCE))
                deviation[2] = math.sqrt(max(q2 * share - s2 * s2, f(0)) + f(MIN_VARIANCE))
                least[k, j, i] = lowest if count else f(0)
                counts[k, j, i] = count
