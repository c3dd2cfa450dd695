"""The numbers of one image file as they are stored."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import FormatError, IXGSWarning
from .exposure import Exposure

MAX_PIXELS = 2**25
"""Most pixels of one image, beyond those of the largest detectors (6000 x 4800); more are refused by their header."""

Scale = Literal["linear", "log", "display", "unknown"]

_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda array: array,
    2: np.fliplr,
    3: lambda array: np.rot90(array, 2),
    4: np.flipud,
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: np.rot90(array, -1),
    7: lambda array: np.rot90(array, 2).swapaxes(0, 1),
    8: np.rot90,
}


@dataclass(frozen=True, eq=False)
class Pixels:
    """The numbers of one image file as the detector recorded them; display settings are not applied.

    values: (height, width) float32, may hold NaN or infinity.
    limits: the smallest and largest number that the file's pixel format can hold, None for floats.
    scale: how the numbers depend on the X-ray intensity: linearly, as its logarithm, by a display curve, or not stated.
    sign: +1 when the file states that they grow with the intensity, -1 when they fall, None when it does not state it.
    field: (height, width) bool, True inside the field of view that the file's tags describe, None without them.
    exposure: how the file says that the X-ray was exposed, None where it does not.
    Raises FormatError when field and values differ in size.
    """

    values: np.ndarray
    limits: tuple[float, float] | None = None
    scale: Scale = "unknown"
    sign: int | None = None
    field: np.ndarray | None = None
    exposure: Exposure | None = None

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
    """The (height, width) image of a grey array, or of a colour array with equal channels; else FormatError."""
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


def upright(array: np.ndarray, orientation: int, name: str) -> np.ndarray:
    """An array (rows, columns, ...) as TIFF tag 274 and Exif say that it is to be seen, 1 to 8 (TIFF 6.0, page 36).

    Calibration programs obey the tag, so the poses belong to the upright image. Warns when it turns or flips the array.
    Raises FormatError for another number.
    """
    if orientation not in _TURNS:
        raise FormatError(f"{name}: its orientation is {orientation}, expected 1 to 8; export the image again")
    if orientation == 1:
        return array
    warn_of_orientation(orientation, name)
    return np.ascontiguousarray(_TURNS[orientation](array))


def warn_of_orientation(orientation: int, name: str) -> None:
    """Warns that the image is not seen as it is stored."""
    warnings.warn(
        f"{name}: turned upright as its orientation {orientation} says; the calibration must be that of the upright "
        "image",
        IXGSWarning,
        stacklevel=3,
    )


def warn_if_shallow(span: float, name: str) -> None:
    """Warns when the pixels of a file can take no more than 256 values."""
    if span <= 255:
        warnings.warn(
            f"{name}: 8-bit pixels, dynamic range lost; export the raw 12 to 16-bit image if you can",
            IXGSWarning,
            stacklevel=2,
        )


def check_size(width: int, height: int, name: str) -> None:
    """Raises FormatError for an image without pixels or with more than MAX_PIXELS."""
    if width < 1 or height < 1:
        raise FormatError(
            f"{name}: its header says {width} x {height} pixels, expected at least 1 x 1; export it again"
        )
    if width * height > MAX_PIXELS:
        raise FormatError(
            f"{name}: its header says {width} x {height} pixels, expected at most {MAX_PIXELS} in all; "
            "the header is damaged, or the image must be binned first"
        )


def choose_frame(count: int, frame: int | None, name: str) -> int:
    """The frame to read out of `count`; raises FormatError when it is not stated or does not exist."""
    if frame is None:
        if count == 1:
            return 0
        raise FormatError(f'{name}: holds {count} frames, expected one; choose it with "frame": 0 to {count - 1}')
    if isinstance(frame, bool) or not isinstance(frame, int) or not 0 <= frame < count:
        raise FormatError(f"{name}: frame {frame!r} of {count} does not exist; choose a whole number 0 to {count - 1}")
    return frame
