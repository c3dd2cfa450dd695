"""Named numbers of JSON, NumPy, MATLAB and OpenCV files, found under any of their usual names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import FormatError
from ...geometry.rigid import Array


class Fields:
    """A mapping whose keys are compared without case, blanks and punctuation: "Camera Matrix" is camera_matrix.

    Raises FormatError that begins with `what` for an entry that does not hold numbers of the expected shape.
    """

    def __init__(self, values: Mapping[str, Any], what: str) -> None:
        self.values = {_plain(key): value for key, value in values.items()}
        self.what = what

    def __contains__(self, names: tuple[str, ...]) -> bool:
        return any(name in self.values for name in names)

    def get(self, names: tuple[str, ...]) -> Any:
        """The entry under the first of these names that exists, otherwise None."""
        return next((self.values[name] for name in names if name in self.values), None)

    def array(self, names: tuple[str, ...]) -> Array | None:
        """The entry as float64 numbers."""
        value = self.get(names)
        if value is None:
            return None
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FormatError(
                f"{self.what}: '{names[0]}' holds something other than numbers; export it again"
            ) from error
        if not np.isfinite(array).all():
            raise FormatError(f"{self.what}: '{names[0]}' holds NaN or infinite numbers; export it again")
        return array

    def required(self, names: tuple[str, ...]) -> Array:
        array = self.array(names)
        if array is None:
            raise FormatError(f"{self.what}: no '{names[0]}', expected numbers under that name; export it again")
        return array


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", str(key).lower())


def stack(array: Array, shape: tuple[int, int], what: str, last: bool) -> Array:
    """(n, rows, columns) from one matrix, a stack along the first axis or one along the last.

    last: whether an array that can be read both ways is a stack along the last axis, as MATLAB stores it. Without it,
    matrices may also be given as their numbers row by row.
    Raises FormatError for other shapes.
    """
    if not last and array.ndim in (1, 2) and array.shape != shape and array.shape[-1] == shape[0] * shape[1]:
        return array.reshape(-1, *shape)
    if array.shape == shape:
        return array[None]
    first_fits = array.ndim == 3 and array.shape[1:] == shape
    last_fits = array.ndim == 3 and array.shape[:2] == shape
    if first_fits and not (last_fits and last):
        return array
    if last_fits:
        return np.moveaxis(array, 2, 0)
    raise FormatError(f"{what} has shape {array.shape}, expected {shape} for each view")
