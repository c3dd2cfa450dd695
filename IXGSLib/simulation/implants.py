"""Metal around the isocentre: pedicle screws with rods, K-wires and ball fiducials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from ..geometry.rigid import Array
from .solids import Capsule, ball

ROD_RADIUS_MM = 2.75


def implants(
    kinds: Sequence[str], center: ArrayLike, generator: np.random.Generator, spine: ArrayLike | None = None
) -> list[Capsule]:
    """Implants of the given kinds at plausible positions around `center` (3,), LPS mm.

    spine: (points, 3) LPS mm, ordered upwards, along which screws are placed; by default a straight line through the
    centre.
    """
    middle = np.asarray(center, dtype=np.float64)
    along = middle + np.array([(0, 0, -100), (0, 0, 100)]) if spine is None else np.asarray(spine, dtype=np.float64)
    makers: dict[str, Callable[..., list[Capsule]]] = {
        "screws": partial(screws, spine=along),
        "wires": wires,
        "balls": balls,
    }
    return [solid for kind in kinds for solid in makers[kind](middle, generator)]


def screws(center: Array, generator: np.random.Generator, spine: Array) -> list[Capsule]:
    """Two to six pairs of pedicle screws of 38 to 50 mm, converging anteriorly, and a bent rod on either side.

    spine: (points, 3) LPS mm, ordered upwards; the middle pair is level with the centre (3,).
    """
    levels = int(generator.integers(2, 7))
    pitch = generator.uniform(24, 36)
    heights = center[2] + (np.arange(levels) - (levels - 1) / 2) * pitch + generator.normal(0, 1.5, levels)
    radius, length = generator.uniform(2.25, 3.5), generator.uniform(38, 50)
    aside, behind, converging = generator.uniform(17, 25), generator.uniform(24, 32), generator.uniform(0.15, 0.4)
    solids, rods = [], []
    for side in (-1, 1):
        saddles = []
        for height in heights:
            frame = _frame(spine, height)
            head = frame[0] + (side * aside, behind, 0) @ frame[1] + generator.normal(0, 1.2, 3)
            forward = np.array([-side * converging, -1, generator.normal(0, 0.06)]) + generator.normal(0, 0.04, 3)
            forward = forward / np.linalg.norm(forward) @ frame[1]
            solids += [Capsule(head, head + length * forward, radius), *_tulip(head, forward)]
            saddles.append(head - 9 * forward)
        lowest, highest = saddles[0] - saddles[1], saddles[-1] - saddles[-2]
        ends = [saddles[n] + 9 * way / np.linalg.norm(way) for n, way in ((0, lowest), (-1, highest))]
        rods.append(np.array([ends[0], *saddles, ends[1]]))
        solids += [Capsule(start, end, ROD_RADIUS_MM) for start, end in zip(rods[-1][:-1], rods[-1][1:], strict=True)]
    if levels > 2 and generator.random() < 0.5:
        n = int(generator.integers(1, levels))
        left, right = (rod[n : n + 2].mean(axis=0) for rod in rods)
        solids.append(Capsule(left, right, 2.0))
    return solids


def wires(center: Array, generator: np.random.Generator) -> list[Capsule]:
    """One to three K-wires of 1.2 to 2.4 mm, inserted from the back."""
    parts = []
    for _ in range(int(generator.integers(1, 4))):
        tip = center + generator.normal(0, 18, 3)
        direction = np.array([generator.normal(0, 0.5), 1.0, generator.normal(0, 0.4)])
        end = tip + direction / np.linalg.norm(direction) * generator.uniform(120, 220)
        parts.append(Capsule(tip, end, generator.uniform(0.6, 1.2)))
    return parts


def balls(center: Array, generator: np.random.Generator) -> list[Capsule]:
    """Six to twelve fiducial balls of 2 to 5 mm diameter at 50 to 110 mm from the centre."""
    parts = []
    radius = generator.uniform(1.0, 2.5)
    for _ in range(int(generator.integers(6, 13))):
        direction = generator.normal(size=3)
        parts.append(ball(center + direction / np.linalg.norm(direction) * generator.uniform(50, 110), radius))
    return parts


def _tulip(head: Array, forward: Array) -> list[Capsule]:
    """The tulip head of a screw, which holds the rod between two arms."""
    aside = np.cross(forward, (0, 0, 1.0))
    arm = 4.2 * aside / np.linalg.norm(aside)
    arms = (Capsule(head - 1.5 * forward + way, head - 13 * forward + way, 2.6) for way in (-arm, arm))
    return [Capsule(head - 2 * forward, head - 5 * forward, 5.2), *arms]


def _frame(spine: Array, height: float) -> tuple[Array, Array]:
    """The spine's position (3,) at a height and its axes (3, 3) there, as rows: left, back and along it."""
    place = np.array([np.interp(height, spine[:, 2], spine[:, n]) for n in (0, 1)] + [height])
    ends = [[np.interp(height + step, spine[:, 2], spine[:, n]) for n in (0, 1)] for step in (-25, 25)]
    along = np.array([*np.subtract(ends[1], ends[0]), 50.0])
    along /= np.linalg.norm(along)
    back = np.cross(along, (1.0, 0, 0))
    back /= np.linalg.norm(back)
    return place, np.stack([np.cross(back, along), back, along])
