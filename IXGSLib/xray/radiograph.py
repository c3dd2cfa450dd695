"""An X-ray as the reconstruction uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import GeometryError
from ..geometry import View

Values = Literal["line_integral", "intensity"]


@dataclass(frozen=True, eq=False)
class XRay:
    """A view and the line integrals measured in it.

    image: (height, width) float32 line integrals, dimensionless, finite.
    mask: (height, width) bool, True where the pixel was measured (not saturated, not behind a collimator).
    values: what the file held before the log step.
    Raises GeometryError when image, mask and view differ in size.
    """

    view: View
    image: np.ndarray
    mask: np.ndarray
    values: Values = "line_integral"

    def __post_init__(self) -> None:
        width, height = self.view.size
        for name, array in (("image", self.image), ("mask", self.mask)):
            if array.shape != (height, width):
                raise GeometryError(
                    f"view '{self.view.id}': the {name} is {array.shape[1]} x {array.shape[0]} pixels, the "
                    f"calibration {width} x {height}; resize neither: calibrate at the size of the image"
                )
        image = np.ascontiguousarray(self.image, dtype=np.float32)
        mask = np.ascontiguousarray(self.mask, dtype=bool)
        image.setflags(write=False)
        mask.setflags(write=False)
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "mask", mask)
