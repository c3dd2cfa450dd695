"""TIFF files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from ..errors import FormatError, TruncatedFile
from ..parsing import check_inflated
from .pixels import MAX_PIXELS, Pixels, check_size, choose_frame, upright, warn_of_orientation

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_ORIENTATION = 274
_MODES = ("L", "RGB", "I", "F", "I;16", "I;16B", "I;16L")
_MAX_SAMPLES = 4
"""Red, green, blue and transparency."""
_DEFLATE, _PACKBITS = (8, 32946), 32773
_PLAIN = (1, 8, 32773, 32946)
"""Uncompressed, deflate and PackBits, which tifffile decodes on its own."""


def read(path: Path, frame: int | None = None) -> Pixels:
    """The pixels of one page of a grey TIFF of 8 to 32 bits or floats, or of one that repeats its grey in colour.

    They are turned upright according to the Orientation of the page.
    Raises TruncatedFile for a file that is cut or damaged, FormatError for another pixel format.
    """
    with _opened(path) as file:
        chosen = choose_frame(_count(file, path), frame, path.name)
        page = file.pages[chosen]
        if not isinstance(page, tifffile.TiffPage):
            page = page.aspage()
        _check(page, path)
        tag = page.tags.get(_ORIENTATION)
        orientation = 1 if tag is None else int(tag.value)
        inverted = page.photometric == _WHITE_IS_ZERO
        _check_packed(path, page)
        if page.compression in _PLAIN or inverted:
            return Pixels.of(upright(page.asarray(), orientation, path.name), path.name, inverted)
    if orientation != 1:
        warn_of_orientation(orientation, path.name)
    return Pixels.of(_by_libtiff(path, chosen), path.name)


def frame_count(path: Path) -> int:
    """The number of pages."""
    with _opened(path) as file:
        return _count(file, path)


def encode(array: np.ndarray) -> bytes:
    """A (height, width) array as the bytes of a zlib-compressed TIFF."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, compression="zlib", photometric="minisblack", metadata=None)
    return buffer.getvalue()


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """The open file, with every failure of tifffile turned into an error that names the file."""
    try:
        with tifffile.TiffFile(path) as file:
            yield file
    except (ValueError, IndexError, KeyError, TypeError, OSError, struct.error, zlib.error, RuntimeError) as error:
        if "imagecodecs" in str(error):
            raise FormatError(
                f"{path.name}: its compression needs the package imagecodecs; install it (pip install imagecodecs) "
                "or save the TIFF uncompressed"
            ) from error
        raise TruncatedFile(
            f"{path.name}: {path.stat().st_size} bytes that end or break before the TIFF does; copy the file again"
        ) from error


def _by_libtiff(path: Path, page: int) -> np.ndarray:
    """The pixels of LZW and similar compressions, which tifffile cannot decode by itself; Pillow turns them upright."""
    try:
        with Image.open(path, formats=["TIFF"]) as image:
            image.seek(page)
            check_size(image.size[0], image.size[1], path.name)
            image.load()
            if image.mode not in _MODES:
                raise FormatError(
                    f"{path.name}: a TIFF of mode {image.mode}, expected one grey image; export it as grey"
                )
            return np.asarray(image)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise TruncatedFile(
            f"{path.name}: {path.stat().st_size} bytes whose compressed pixels cannot be decoded; copy the file again "
            "or save it uncompressed"
        ) from error


def _check_packed(path: Path, page: tifffile.TiffPage) -> None:
    """Raises FormatError when the strips or tiles of a page hold more than the page does."""
    if page.compression not in (*_DEFLATE, _PACKBITS):
        return
    limit = page.nbytes + max(1, len(page.dataoffsets)) * _padding(page)
    strips = _strips(path, page)
    if page.compression == _PACKBITS:
        if sum(map(unpacked_size, strips)) > limit:
            raise FormatError(f"{path.name}: its strips hold more than {limit} bytes; export it again")
        return
    check_inflated(strips, limit, path.name)


def _padding(page: tifffile.TiffPage) -> int:
    """Bytes by which a strip or tile may reach beyond the image."""
    return page.tilewidth * page.tilelength * page.samplesperpixel * 8 if page.is_tiled else 64


def _strips(path: Path, page: tifffile.TiffPage) -> Iterator[bytes]:
    with path.open("rb") as file:
        for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            file.seek(start)
            yield file.read(count)


def unpacked_size(packed: bytes) -> int:
    """The number of bytes that PackBits unpacks to (TIFF 6.0, page 42)."""
    size, at = 0, 0
    while at < len(packed):
        code = packed[at]
        if code < 128:
            size, at = size + code + 1, at + code + 2
        elif code > 128:
            size, at = size + 257 - code, at + 2
        else:
            at += 1
    return size


def _count(file: tifffile.TiffFile, path: Path) -> int:
    if len(file.pages) == 0:
        raise TruncatedFile(f"{path.name}: {path.stat().st_size} bytes without an image; copy the file again")
    return len(file.pages)


def _check(page: tifffile.TiffPage, path: Path) -> None:
    """Raises before any pixel is read, since tifffile fills missing strips with zeros."""
    name = path.name
    check_size(page.imagewidth, page.imagelength, name)
    if not 1 <= page.samplesperpixel <= _MAX_SAMPLES or page.bitspersample not in (1, 8, 12, 16, 32, 64):
        raise FormatError(
            f"{name}: {page.samplesperpixel} samples of {page.bitspersample} bits per pixel, expected one of 8 to 64 "
            "bits; export it as grey"
        )
    if page.imagedepth != 1 or page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        raise FormatError(f"{name}: a TIFF of kind {page.photometric!r}, expected one grey image; export it as grey")
    found = path.stat().st_size
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if min(page.tilewidth, page.tilelength) < 1 if page.is_tiled else page.rowsperstrip < 1:
        raise FormatError(f"{name}: strips or tiles without rows; export it again")
    if page.is_tiled and page.tilewidth * page.tilelength > MAX_PIXELS:
        raise FormatError(f"{name}: tiles of {page.tilewidth} x {page.tilelength} pixels; export it again")
    if not ends or found < max(ends):
        raise TruncatedFile(f"{name}: {found} bytes, expected {max(ends, default=page.nbytes)}; copy the file again")
    stored, needed = sum(page.databytecounts), page.nbytes
    if min(page.databytecounts) == 0 or (page.compression == 1 and stored < needed):
        raise TruncatedFile(f"{name}: {stored} bytes of pixels, expected {needed}; export the image again")
