"""How alike line integrals and X-rays are, with derivatives: sums for normalised cross-correlation; compiled.

For each view the products of all lanes of a pixel (line integral, six derivatives, X-ray) are summed over the pixels,
of the values themselves and of their gradients. These sums determine the correlation, its gradient and its curvature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..compute.lanes import WIDTH, add, kernel, load, scale, store
from ..compute.threads import run
from ..geometry.rigid import Array
from .projection import IMAGE, TARGET

POSE = slice(1, 7)


@dataclass(frozen=True, eq=False)
class Correlation:
    """Of views, in the camera's axes: value (views,), gradient (views, 6) and Gauss-Newton curvature (views, 6, 6) of
    1 - correlation."""

    loss: Array
    gradient: Array
    curvature: Array


def correlations(lanes: np.ndarray, weights: np.ndarray) -> tuple[Correlation, Correlation]:
    """The correlation of values and of gradients.

    lanes: (views, height, width, 8) float32 of `project_with_derivatives`, with the X-ray in the last.
    weights: (views, height, width) float32, of each pixel.
    """
    count = len(lanes)
    values, means, slopes = np.zeros((count, 8, 8)), np.zeros((count, 8)), np.zeros((count, 8, 8))
    run(_sums, count, lanes, weights, values, means, slopes)
    # Pixels at the border have no gradient and are left out.
    total = np.maximum(weights[:, 1:-1, 1:-1].sum(axis=(1, 2), dtype=np.float64), 1e-9)
    values -= means[:, :, None] * means[:, None, :] / total[:, None, None]
    return _correlation(values), _correlation(slopes)


def _correlation(products: Array) -> Correlation:
    """From the weighted products (views, 8, 8) of centred lanes.

    With n the unit vector of the line integrals and m that of the X-ray, |n - m|^2 / 2 = 1 - correlation is a sum of
    squares, to which the Gauss-Newton method applies.
    """
    dd, xx = products[:, IMAGE, IMAGE], products[:, TARGET, TARGET]
    safe = (dd > 1e-12) & (xx > 1e-12)
    dd, xx = np.where(safe, dd, 1), np.where(safe, xx, 1)
    dx = products[:, IMAGE, TARGET]
    jd, jx = products[:, POSE, IMAGE], products[:, POSE, TARGET]
    loss = np.where(safe, 1 - dx / np.sqrt(dd * xx), 1.0)
    gradient = -(jx - jd * (dx / dd)[:, None]) / np.sqrt(dd * xx)[:, None]
    curvature = (products[:, POSE, POSE] - jd[:, :, None] * jd[:, None, :] / dd[:, None, None]) / dd[:, None, None]
    return Correlation(loss, np.where(safe[:, None], gradient, 0), np.where(safe[:, None, None], curvature, 0))


@kernel
def _sums(chunk, start, stop, lanes, weights, values, means, slopes):
    height, width = lanes.shape[1], lanes.shape[2]
    u64, half = np.uint64, np.float32(-1)
    step = u64(WIDTH)
    own = np.empty(WIDTH, np.float32)
    across = np.empty(WIDTH, np.float32)
    down = np.empty(WIDTH, np.float32)
    total = np.zeros((2 * WIDTH + 1) * WIDTH, np.float32)
    for view in range(start, stop):
        flat = lanes[view].reshape(-1)
        for row in range(1, height - 1):
            # Sums of one row in float32, over rows in float64: rounding stays small.
            total[:] = 0
            for column in range(1, width - 1):
                weight = weights[view, row, column]
                if weight <= 0:
                    continue
                at = u64((row * width + column) * WIDTH)
                line = u64(width * WIDTH)
                here = load(flat, at)
                right = add(load(flat, at + step), scale(load(flat, at - step), half))
                below = add(load(flat, at + line), scale(load(flat, at - line), half))
                store(own, u64(0), here)
                store(across, u64(0), right)
                store(down, u64(0), below)
                store(total, u64(0), add(load(total, u64(0)), scale(here, weight)))
                for n in range(WIDTH):
                    to = u64((1 + n) * WIDTH)
                    store(total, to, add(load(total, to), scale(here, weight * own[n])))
                    to = u64((1 + WIDTH + n) * WIDTH)
                    both = add(scale(right, weight * across[n]), scale(below, weight * down[n]))
                    store(total, to, add(load(total, to), both))
            for n in range(WIDTH):
                means[view, n] += total[n]
                for m in range(WIDTH):
                    values[view, n, m] += total[(1 + n) * WIDTH + m]
                    slopes[view, n, m] += total[(1 + WIDTH + n) * WIDTH + m]
