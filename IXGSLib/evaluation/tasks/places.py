"""The places of a vertebra at which volumes are measured: edges of its pedicles, canal and endplates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.rigid import Array
from .edges import Edges, free_length
from .landmarks import Vertebra
from .mask import Mask
from .pedicles import Pedicle
from .settings import TaskSettings

WALL_HEIGHTS = (-0.3, -0.15, 0.0, 0.15, 0.3)
"""Heights of the rays at the medial wall, as fractions of the height of the pedicle."""
WALL_DEPTHS = (0.75, 0.5, 0.25)
"""Depths of those rays behind the isthmus, as fractions of the pedicle's tube there: the canal lies beside it."""
MAX_WALL_DISTANCE = 20.0
"""mm from the middle of a pedicle within which its medial wall lies."""
MAX_CANAL_HALF_WIDTH = 25.0


@dataclass(frozen=True, eq=False)
class Places:
    """Where one vertebra is measured.

    pedicles: by side, the medial and the lateral edge of the narrowest chord. canal: the edges to the left and to the
    right of the middle of the canal. walls: by side, edges over the medial wall. endplates: of the superior and the
    inferior one, edges over the surface.
    """

    vertebra: Vertebra
    pedicles: dict[str, Edges]
    canal: Edges
    walls: dict[str, Edges]
    endplates: dict[str, Edges]

    def edges(self) -> list[Edges]:
        return [*self.pedicles.values(), self.canal, *self.walls.values(), *self.endplates.values()]


def find_places(vertebra: Vertebra, mask: Mask, bone: Mask, settings: TaskSettings) -> Places:
    """The places of a vertebra. mask: its label. bone: all labels as one mask, to keep rays away from other bone."""

    def edges(points: Array, outward: Array, inside: np.ndarray) -> Edges:
        outside = free_length(bone, points, outward, settings.reach)
        return Edges(points, outward, outside, np.minimum(inside, settings.reach))

    sides = {pedicle.side: pedicle for pedicle in vertebra.pedicles}
    return Places(
        vertebra,
        {side: edges(*_chord(pedicle)) for side, pedicle in sides.items()},
        edges(*_canal(vertebra, mask, settings.reach)),
        {side: edges(*_wall(pedicle, mask, vertebra.axes[:, 2])) for side, pedicle in sides.items()},
        {
            name: edges(
                plate.surface, np.tile(sign * vertebra.axes[:, 2], (len(plate.surface), 1)), _all(plate.surface)
            )
            for name, plate, sign in zip(("superior", "inferior"), vertebra.endplates, (1.0, -1.0), strict=True)
        },
    )


def _all(points: Array) -> np.ndarray:
    """No limit inside beyond the reach of the settings."""
    return np.full(len(points), np.inf)


def _chord(pedicle: Pedicle) -> tuple[Array, Array, np.ndarray]:
    lengths = np.array([pedicle.medial, pedicle.lateral])
    outward = np.stack([-pedicle.across, pedicle.across])
    return pedicle.center + lengths[:, None] * outward, outward, lengths


def _canal(vertebra: Vertebra, mask: Mask, reach: float) -> tuple[Array, Array, np.ndarray]:
    """The first bone to the left and to the right of the middle of the canal; outwards is into the canal."""
    steps = np.arange(0.0, MAX_CANAL_HALF_WIDTH, 0.1)
    across = np.stack([vertebra.axes[:, 0], -vertebra.axes[:, 0]])
    inside = mask.occupancy(vertebra.canal + steps[:, None] * across[:, None]) >= 0.5
    found = inside.any(axis=1)
    length = steps[np.argmax(inside, axis=1)]
    return (vertebra.canal + length[:, None] * across)[found], -across[found], np.full(int(found.sum()), reach)


def _wall(pedicle: Pedicle, mask: Mask, superior: Array) -> tuple[Array, Array, np.ndarray]:
    heights, depths = (part.ravel() for part in np.meshgrid(WALL_HEIGHTS, WALL_DEPTHS))
    up, along = heights * pedicle.height, depths * pedicle.back
    starts = pedicle.center + up[:, None] * superior + along[:, None] * pedicle.axis
    steps = np.arange(0.0, MAX_WALL_DISTANCE, 0.1)
    inside = mask.occupancy(starts[:, None] - steps[:, None] * pedicle.across) >= 0.5
    found = inside[:, 0] & ~inside.all(axis=1)
    length = steps[np.argmin(inside, axis=1)]
    points = (starts - length[:, None] * pedicle.across)[found]
    return points, np.tile(-pedicle.across, (len(points), 1)), length[found]
