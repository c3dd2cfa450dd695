"""Where the surface of bone is in a volume: threshold crossings along rays through the surface of a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.rigid import Array
from ...volume import Volume
from .mask import Mask, sampled

STEP = 0.1
"""mm between samples along a ray; crossings are interpolated between them."""
FREE = 0.7
"""Fraction of the way to other bone that a ray begins at: beyond the middle, and not yet in the blur of that bone."""
CLEARANCE = 0.5
"""mm from the surface of a label at which the search for other bone begins."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Places on the surface of a label, each with the ray on which a volume is searched for the same surface.

    points: (n, 3) LPS mm. outward: (n, 3) unit vectors out of the bone. outside, inside: (n,) mm of the ray that lie
    outside and inside of the label.
    """

    points: Array
    outward: Array
    outside: np.ndarray
    inside: np.ndarray

    def crossings(self, volume: Volume, threshold: float) -> np.ndarray:
        """(n,) mm outwards from the surface of the label to that of the bone in a volume.

        Each ray begins outside; the first sample above the threshold ends it. nan where the ray begins in bone or
        meets none.
        """
        return np.array([self._crossing(volume, threshold, n) for n in range(len(self.points))])

    def profiles(self, volume: Volume) -> list[np.ndarray]:
        """The values of a volume along each ray, from outside to inside, every STEP mm."""
        return [self._profile(volume, n)[1] for n in range(len(self.points))]

    def _crossing(self, volume: Volume, threshold: float, n: int) -> float:
        steps, values = self._profile(volume, n)
        above = values > threshold
        first = int(np.argmax(above))
        if not above.any() or first == 0:
            return float("nan")
        low, high = float(values[first - 1]), float(values[first])
        return float(steps[first - 1] - STEP * (threshold - low) / (high - low))

    def _profile(self, volume: Volume, n: int) -> tuple[np.ndarray, np.ndarray]:
        """mm outwards from the surface of the label along a ray, and the values there."""
        steps = np.arange(self.outside[n], -self.inside[n] - STEP / 2, -STEP)
        return steps, sampled(volume.values, volume.grid, self.points[n] + steps[:, None] * self.outward[n])


def free_length(bone: Mask, points: Array, outward: Array, reach: float) -> np.ndarray:
    """(n,) mm that rays go outwards from a surface: at most `reach`, and at most FREE of the way to other bone.

    bone: all labels as one mask.
    """
    steps = np.arange(CLEARANCE, reach / FREE + CLEARANCE, 0.25)
    inside = bone.occupancy(points[:, None] + steps[:, None] * outward[:, None]) >= 0.5
    left = np.argmax(~inside, axis=1)  # the label itself, where its surface is rough
    after = inside & (np.arange(len(steps)) > left[:, None])
    nearest = np.where(after.any(axis=1), FREE * steps[np.argmax(after, axis=1)], reach)
    return np.minimum(nearest, reach)
