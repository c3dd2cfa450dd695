"""The position of an image on the detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import GeometryError
from ...geometry.rigid import Array


@dataclass(frozen=True)
class Detector:
    """The position of a projection image on RTK's detector, as stated by the image header.

    spacing: (x, y) mm.
    origin: (x, y) mm, the centre of the first pixel; without it the image is centred at 0.
    direction: (x, y), each +1 or -1: whether columns and rows run along u and v or opposite to them.
    """

    spacing: tuple[float, float]
    origin: tuple[float, float] | None = None
    direction: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        numbers = (*self.spacing, *(self.origin or (0.0, 0.0)))
        if not np.isfinite(numbers).all() or min(self.spacing) <= 0 or not set(self.direction) <= {1, -1}:
            raise GeometryError(f"{self}: expected positive spacings in mm, a finite origin and directions of +1 or -1")

    @property
    def upside_down(self) -> bool:
        """Whether the rows of the image must be reversed for a View."""
        return self.direction[0] * self.direction[1] > 0

    def stored_from_mm(self) -> Array:
        """(3, 3): pixels of the stored image from (u, v) in mm, counted from its centre when there is no origin."""
        scale = np.array(self.direction) / self.spacing
        A = np.diag([*scale, 1.0])
        A[:2, 2] = -np.array(self.origin or (0.0, 0.0)) * scale
        return A

    def pixels_from_mm(self, size: tuple[int, int]) -> Array:
        """(3, 3): pixels of the View (after the rows are reversed, if they must be) from (u, v) in mm."""
        A = self.stored_from_mm()
        if self.origin is None:
            A[:2, 2] += (np.array(size) - 1) / 2
        flip = np.array([[1.0, 0, 0], [0, -1, size[1] - 1], [0, 0, 1]])
        return flip @ A if self.upside_down else A
