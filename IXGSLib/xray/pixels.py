"""The numbers of one image file, before anything is made of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import FormatError, IXGSWarning

PIXEL_LIMIT = 2**26
"""Most pixels of one image (8192 x 8192); a header that asks for more is refused before memory is taken."""

Scale = Literal["linear", "log", "display", "unknown"]


@dataclass(frozen=True, eq=False)
class Pixels:
    """The numbers of one image file as the detector recorded them; display settings are not applied.

    values: (height, width) float32, may hold NaN or infinity.
    limits: the smallest and largest number that the file's pixel format can hold, None for floats.
    scale: how the numbers follow the X-ray intensity: as it, as its logarithm, as a display curve, or not stated.
    sign: +1 when the file states that they grow with the intensity, -1 when they fall, None when it does not state it.
    field: (height, width) bool, True inside the field of view that the file's tags describe, None without them.
    Raises FormatError when field and values differ in size.
    """

    values: np.ndarray
    limits: tuple[float, float] | None = None
    scale: Scale = "unknown"
    sign: int | None = None
    field: np.ndarray | None = None

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(self.values, dtype=np.float32)
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        if self.field is not None:
            object.__setattr__(self, "field", self._checked_field(self.field))

    def _checked_field(self, field: np.ndarray) -> np.ndarray:
        if field.shape != self.values.shape:
            raise FormatError(
                f"a field of view of shape {field.shape} on pixels of shape {self.values.shape}; both must be equal"
            )
        field = np.array(field, dtype=bool)
        field.setflags(write=False)
        return field

    @classmethod
    def of(cls, array: np.ndarray, name: str, inverted: bool = False) -> Pixels:
        """The pixels of a (height, width) or grey-in-colour (height, width, channels) array.

        inverted: the file stores its brightest value as zero.
        Raises FormatError for colour and for numbers that cannot be intensities; warns for 8 bits.
        """
        array = grey(array, name)
        if array.dtype.kind == "f":
            return cls(-array if inverted else array)
        if array.dtype.kind not in "iu":
            raise FormatError(f"{name}: pixels of type {array.dtype}, expected integers or floats; export as 16 bit")
        low, high = np.iinfo(array.dtype).min, np.iinfo(array.dtype).max
        warn_if_shallow(high - low, name)
        values = array.astype(np.float64)
        return cls(low + high - values if inverted else values, (float(low), float(high)))


def grey(array: np.ndarray, name: str) -> np.ndarray:
    """The (height, width) image in an array that may repeat it in three colours; raises FormatError for colour."""
    if array.ndim == 2:
        return array
    if array.ndim != 3 or array.shape[2] not in (3, 4):
        raise FormatError(f"{name}: pixels of shape {array.shape}, expected one image (height, width)")
    if (array[..., :3] != array[..., :1]).any():
        raise FormatError(
            f"{name}: a colour image, expected grey values of one X-ray; export it without overlays or colour map"
        )
    warnings.warn(f"{name}: stored in colour, its equal channels are read as grey", IXGSWarning, stacklevel=2)
    return array[..., 0]


def warn_if_shallow(span: float, name: str) -> None:
    """Warns when the pixels of a file can take no more than 256 values."""
    if span <= 255:
        warnings.warn(
            f"{name}: 8-bit pixels, dynamic range lost; export the raw 12 to 16-bit image if you can",
            IXGSWarning,
            stacklevel=2,
        )


def check_size(width: int, height: int, name: str) -> None:
    """Raises FormatError for an image without pixels or with more than PIXEL_LIMIT."""
    if width < 1 or height < 1:
        raise FormatError(
            f"{name}: its header says {width} x {height} pixels, expected at least 1 x 1; export it again"
        )
    if width * height > PIXEL_LIMIT:
        raise FormatError(
            f"{name}: its header says {width} x {height} pixels, expected at most {PIXEL_LIMIT} in all; "
            "the header is damaged, or the image must be binned first"
        )


def choose_frame(count: int, frame: int | None, name: str) -> int:
    """The frame to read out of `count`; raises FormatError when it is not said or does not exist."""
    if frame is None:
        if count == 1:
            return 0
        raise FormatError(f'{name}: holds {count} frames, expected one; choose it with "frame": 0 to {count - 1}')
    if isinstance(frame, bool) or not isinstance(frame, int) or not 0 <= frame < count:
        raise FormatError(f"{name}: frame {frame!r} of {count} does not exist; choose a whole number 0 to {count - 1}")
    return frame
