"""Reading the pixels of X-rays from files of any supported format."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..parsing import MAX_IMAGE_BYTES, check_file, parsing
from . import png, rasters, tiff
from .dicom import reading as dicom
from .kinds import image_kind
from .pixels import Pixels

FrameReader = Callable[[int | None], Pixels]
"""Gives the pixels of a frame of one file by its number, from 0."""

_OPENERS: dict[str, Callable[[Path], FrameReader]] = {
    "PNG": lambda path: partial(png.read, path),
    "TIFF": lambda path: partial(tiff.read, path),
    "NRRD": rasters.opened,
    "MetaImage": rasters.opened,
    "DICOM": dicom.opened,
}
_COUNTERS: dict[str, Callable[[Path], int]] = {
    "TIFF": tiff.frame_count,
    "NRRD": rasters.frame_count,
    "MetaImage": rasters.frame_count,
    "DICOM": dicom.frame_count,
}


class FrameByFrame:
    """Reads the frames of files one after the other, and a file that has to be read whole once for all its frames."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._reader: FrameReader | None = None

    def read(self, path: Path, frame: int | None = None) -> Pixels:
        """Like `read_pixels`; only the file of the last frame is kept open."""
        if self._reader is None or path != self._path:
            self._path, self._reader = None, None
            open_file = _OPENERS[image_kind(path)]
            check_file(path, MAX_IMAGE_BYTES)
            with parsing(path.name):
                self._reader = open_file(path)
            self._path = path
        with parsing(path.name):
            return self._reader(frame)


def read_pixels(path: str | os.PathLike[str], frame: int | None = None) -> Pixels:
    """The stored numbers of one image file: PNG, TIFF, NRRD, MetaImage or DICOM, recognised by its content.

    frame: which frame of a file with several, from 0.
    Raises NotAnImage, TruncatedFile or FormatError that name the file; warns of losses such as 8-bit pixels.
    """
    return FrameByFrame().read(Path(path), frame)


def frame_count(path: str | os.PathLike[str]) -> int:
    """The number of images in one file; raises like `read_pixels`."""
    path = Path(path)
    kind = image_kind(path)
    with parsing(path.name):
        return _COUNTERS[kind](path) if kind in _COUNTERS else 1
