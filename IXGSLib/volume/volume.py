"""Attenuation on a voxel grid."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FormatError, GeometryError
from ..files import write_atomically
from ..geometry import Grid
from .nrrd import nrrd_bytes


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

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Volume:
        """The volume in an image file, as `read_image` reads it."""
        from .images import read_image  # SimpleITK is slow to import

        return cls(*read_image(path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the volume as NRRD, atomically.

        Raises FormatError for a suffix other than .nrrd, IXGSError when the file cannot be written.
        """
        if Path(path).suffix.lower() != ".nrrd":
            raise FormatError(f"{path}: volumes are written as NRRD; give a name that ends in .nrrd")
        write_atomically(path, nrrd_bytes(self.values, self.grid))
