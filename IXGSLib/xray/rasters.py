"""NRRD and MetaImage files, one image or a stack of projections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..errors import FormatError
from ..rasters.numbers import read_numbers
from ..rasters.raster import Raster
from ..rasters.reading import read_header
from .pixels import Pixels, check_size, choose_frame

MAX_STACK_BYTES = 2**29
"""Most bytes of frames that are kept in memory."""
MAX_DIRECTION_ERROR = 1e-9
"""Largest deviation of an axis from those of the detector."""


@dataclass(frozen=True)
class Lattice:
    """Where the pixels of an image lie on the detector: spacing and origin as (x, y), mm.

    direction: (x, y) each +1 or -1, the sense of the detector's axes along columns and rows.
    """

    spacing: tuple[float, float]
    origin: tuple[float, float]
    direction: tuple[int, int]


def opened(path: Path) -> Callable[[int | None], Pixels]:
    """A function that gives one image of a NRRD or MetaImage file, whose third axis counts frames.

    Compressed frames are inflated once for all, unless they take more than MAX_STACK_BYTES together.
    Raises TruncatedFile for a file that is cut, FormatError for vectors and for pixels in another file.
    """
    header = _header(path)
    width, height = header.sizes[:2]
    size, count = width * height, _frames(header)

    @cache
    def stack() -> np.ndarray:
        return read_numbers(header)

    def read(frame: int | None) -> Pixels:
        start = choose_frame(count, frame, path.name) * size
        whole = header.encoding != "raw" and header.byte_count <= MAX_STACK_BYTES
        array = stack()[start : start + size] if whole else read_numbers(header, start, start + size)
        return Pixels.of(array.reshape(height, width), path.name)

    return read


def frame_count(path: Path) -> int:
    """The length of the third axis, 1 for a single image."""
    return _frames(_header(path))


def lattice(path: Path) -> Lattice:
    """The lattice that the header describes; raises FormatError when it turns the detector's axes."""
    header = _header(path)
    matrix = header.direction[:2, :2]
    signs = np.rint(np.diag(matrix))
    if np.abs(matrix - np.diag(signs)).max() > MAX_DIRECTION_ERROR or np.any(np.abs(signs) != 1):
        raise FormatError(
            f"{path.name}: image direction {matrix.tolist()}, expected axes along the detector's; "
            "put rotations into the calibration"
        )
    (sx, sy), (ox, oy) = header.spacing[:2].tolist(), header.origin[:2].tolist()
    return Lattice((sx, sy), (ox, oy), (int(signs[0]), int(signs[1])))


def _header(path: Path) -> Raster:
    header = read_header(path, attached=True)
    if len(header.sizes) not in (2, 3):
        raise FormatError(
            f"{path.name}: {len(header.sizes)} dimensions, expected an image or a stack of images with one number per "
            "pixel"
        )
    check_size(header.sizes[0], header.sizes[1], path.name)
    return header


def _frames(header: Raster) -> int:
    return header.sizes[2] if len(header.sizes) == 3 else 1
