"""Reading the pixels of one X-ray from a file of any supported format."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from . import itk_images, png, tiff
from .dicom import reading as dicom
from .kinds import image_kind
from .pixels import Pixels

_READERS: dict[str, Callable[[Path, int | None], Pixels]] = {
    "PNG": png.read,
    "TIFF": tiff.read,
    "NRRD": itk_images.read,
    "MetaImage": itk_images.read,
    "DICOM": dicom.read,
}
_COUNTERS: dict[str, Callable[[Path], int]] = {
    "TIFF": tiff.frame_count,
    "NRRD": itk_images.frame_count,
    "MetaImage": itk_images.frame_count,
    "DICOM": dicom.frame_count,
}


def read_pixels(path: str | os.PathLike[str], frame: int | None = None) -> Pixels:
    """The stored numbers of one image file: PNG, TIFF, NRRD, MetaImage or DICOM, recognised by its content.

    frame: which frame of a file with several, from 0.
    Raises NotAnImage, TruncatedFile or FormatError that name the file; warns of losses such as 8-bit pixels.
    """
    path = Path(path)
    return _READERS[image_kind(path)](path, frame)


def frame_count(path: str | os.PathLike[str]) -> int:
    """The number of images in one file; raises like `read_pixels`."""
    path = Path(path)
    kind = image_kind(path)
    return _COUNTERS[kind](path) if kind in _COUNTERS else 1
