"""NRRD and MetaImage files, one image or a stack of projections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import FormatError, TruncatedFile
from ..sniffing import head, sniff
from .pixels import Pixels, check_size, choose_frame

_IMAGE_IOS = {"NRRD": "NrrdImageIO", "MetaImage": "MetaImageIO"}
_HEADER_LIMIT = 65536


@dataclass(frozen=True)
class Lattice:
    """Where the pixels of an image lie on the detector: spacing and origin as (x, y), mm.

    direction: (x, y) each +1 or -1, the sense of the detector's axes along columns and rows.
    """

    spacing: tuple[float, float]
    origin: tuple[float, float]
    direction: tuple[int, int]


def opened(path: Path) -> Callable[[int | None], Pixels]:
    """A function that gives one image of a NRRD or MetaImage file, whose third axis counts frames; it is read once.

    Raises TruncatedFile for a file that is cut, FormatError for vectors and for pixels in another file.
    """
    reader = _header(path)
    count = _frames(reader)

    @cache
    def stack() -> np.ndarray:
        """(frames, rows, columns)"""
        try:
            array = sitk.GetArrayFromImage(reader.Execute())
        except RuntimeError as error:
            raise TruncatedFile(
                f"{path.name}: {path.stat().st_size} bytes that end or break before "
                f"{' x '.join(map(str, reader.GetSize()))} pixels do; copy the file again"
            ) from error
        return array if array.ndim == 3 else array[None]

    return lambda frame: Pixels.of(stack()[choose_frame(count, frame, path.name)], path.name)


def frame_count(path: Path) -> int:
    """The length of the third axis, 1 for a single image."""
    return _frames(_header(path))


def lattice(path: Path) -> Lattice:
    """The lattice that the header describes; raises FormatError when it turns the detector's axes."""
    reader = _header(path)
    dimension = reader.GetDimension()
    matrix = np.array(reader.GetDirection()).reshape(dimension, dimension)[:2, :2]
    signs = np.rint(np.diag(matrix))
    if np.abs(matrix - np.diag(signs)).max() > 1e-9 or np.any(np.abs(signs) != 1):
        raise FormatError(
            f"{path.name}: image direction {matrix.tolist()}, expected axes along the detector's; "
            "put rotations into the calibration"
        )
    (sx, sy), (ox, oy) = reader.GetSpacing()[:2], reader.GetOrigin()[:2]
    return Lattice((sx, sy), (ox, oy), (int(signs[0]), int(signs[1])))


def _header(path: Path) -> sitk.ImageFileReader:
    """A reader whose header has been read and checked."""
    name = path.name
    start = head(path, _HEADER_LIMIT)
    _check_attached(start, name)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(_IMAGE_IOS[sniff(start)])
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise TruncatedFile(
            f"{name}: {path.stat().st_size} bytes with a header that breaks off; copy the file again"
        ) from error
    if reader.GetDimension() not in (2, 3) or reader.GetNumberOfComponents() != 1:
        raise FormatError(
            f"{name}: {reader.GetDimension()} dimensions of {reader.GetNumberOfComponents()} components, expected an "
            "image or a stack of images with one number per pixel"
        )
    width, height = reader.GetSize()[:2]
    check_size(width, height, name)
    return reader


def _check_attached(start: bytes, name: str) -> None:
    """Raises FormatError for a header whose pixels lie elsewhere: such a file would be neither checked nor hashed."""
    for line in start.split(b"\n\n")[0].splitlines():
        key, _, value = line.replace(b"=", b":", 1).partition(b":")
        if key.strip().lower() in (b"data file", b"datafile", b"elementdatafile"):
            if value.strip() == b"LOCAL":
                return
            raise FormatError(f"{name}: its pixels lie in another file; save header and pixels as one .nrrd or .mha")


def _frames(reader: sitk.ImageFileReader) -> int:
    return int(reader.GetSize()[2]) if reader.GetDimension() == 3 else 1
