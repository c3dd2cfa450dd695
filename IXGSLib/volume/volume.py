"""Attenuation on a voxel grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import GeometryError
from ..geometry import Grid


@dataclass(frozen=True, eq=False)
class Volume:
    """Attenuation in 1/mm on a grid: values float32 [k, j, i], finite.

    Raises GeometryError when values and grid differ in shape or a value is not finite.
    """

    values: np.ndarray
    grid: Grid

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        if values.shape != self.grid.shape:
            raise GeometryError(f"volume values have shape {values.shape}, the grid {self.grid.shape}")
        if not np.isfinite(values).all():
            raise GeometryError("the volume holds NaN or infinite values")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
