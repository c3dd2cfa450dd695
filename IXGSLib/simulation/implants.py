"""Metal around the isocentre: pedicle screws with rods, K-wires and ball fiducials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry.rigid import Array
from .solids import Capsule, ball


def implants(kinds: Sequence[str], center: Array, generator: np.random.Generator) -> list[Capsule]:
    """The solids of the chosen kinds at plausible places around `center` (3,), LPS mm, in a spine."""
    makers = {"screws": screws, "wires": wires, "balls": balls}
    return [solid for kind in kinds for solid in makers[kind](np.asarray(center, float), generator)]


def screws(center: Array, generator: np.random.Generator) -> list[Capsule]:
    """Two to four pairs of screws of 40 to 50 mm that converge towards the front, and a rod on either side."""
    levels = int(generator.integers(2, 5))
    heights = (np.arange(levels) - (levels - 1) / 2) * generator.uniform(26, 38)
    radius, length = generator.uniform(2.25, 3.5), generator.uniform(40, 50)
    parts = []
    for side in (-1, 1):
        heads = []
        for height in heights:
            jitter = generator.normal(0, 1.5, (2, 3))
            head = center + (side * 24, 38, height) + jitter[0]
            tip = head + np.array([-side * 0.3, -0.95, 0.05]) * length + jitter[1]
            parts += [Capsule(head, tip, radius), Capsule(head, head + (0, 9, 0), 5.5)]
            heads.append(head + (0, 7, 0))
        over = np.array([0, 0, 10.0])
        parts.append(Capsule(heads[0] - over, heads[-1] + over, 2.75))
    return parts


def wires(center: Array, generator: np.random.Generator) -> list[Capsule]:
    """One to three K-wires of 1.2 to 2.4 mm that come from behind."""
    parts = []
    for _ in range(int(generator.integers(1, 4))):
        tip = center + generator.normal(0, 18, 3)
        direction = np.array([generator.normal(0, 0.5), 1.0, generator.normal(0, 0.4)])
        end = tip + direction / np.linalg.norm(direction) * generator.uniform(120, 220)
        parts.append(Capsule(tip, end, generator.uniform(0.6, 1.2)))
    return parts


def balls(center: Array, generator: np.random.Generator) -> list[Capsule]:
    """Six to twelve balls of 2 to 5 mm at 50 to 110 mm from the centre."""
    parts = []
    radius = generator.uniform(1.0, 2.5)
    for _ in range(int(generator.integers(6, 13))):
        direction = generator.normal(size=3)
        parts.append(ball(center + direction / np.linalg.norm(direction) * generator.uniform(50, 110), radius))
    return parts
