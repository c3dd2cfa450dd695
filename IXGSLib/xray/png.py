"""PNG files."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from ..errors import FormatError, TruncatedFile
from .pixels import Pixels, check_size, choose_frame, upright

_HEADER_BYTES = 33
_FIRST_CHUNK = b"\0\0\0\rIHDR"
"""Length and name of the chunk that comes first in every PNG."""
_GREY, _COLOURS = 0, (2, 3, 6)


def read(path: Path, frame: int | None = None) -> Pixels:
    """The pixels of an 8 or 16-bit grey PNG, or a grey one in 8-bit colour, turned upright according to Exif.

    Raises TruncatedFile for a file that is cut or damaged, FormatError for another pixel format.
    """
    name = path.name
    choose_frame(1, frame, name)
    data = path.read_bytes()
    if len(data) < _HEADER_BYTES:
        raise TruncatedFile(f"{name}: {len(data)} bytes, expected a PNG header of {_HEADER_BYTES}; copy the file again")
    if data[8:16] != _FIRST_CHUNK:
        raise FormatError(f"{name}: does not begin with a PNG header; export it again")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    check_size(width, height, name)
    if (depth, colour) not in ((8, _GREY), (16, _GREY), *((8, c) for c in _COLOURS)):
        raise FormatError(f"{name}: PNG of {depth} bits and colour type {colour}, expected grey of 8 or 16 bits")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.size != (width, height):
                raise FormatError(f"{name}: a second header says {image.size} pixels, the first {width} x {height}")
            image.load()
            array = np.asarray(image if colour == _GREY else image.convert("RGB"))
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError) as error:
        raise TruncatedFile(
            f"{name}: {len(data)} bytes that end or break before {width} x {height} pixels do; copy the file again"
        ) from error
    if array.shape[:2] != (height, width):
        raise FormatError(f"{name}: {array.shape[1]} x {array.shape[0]} pixels, its header says {width} x {height}")
    return Pixels.of(upright(array, orientation, name), name)


def encode(array: np.ndarray) -> bytes:
    """A (height, width) uint8 or uint16 array as the bytes of a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return buffer.getvalue()
