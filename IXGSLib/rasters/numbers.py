"""The numbers of a raster file; no length in its header is trusted unless the file holds enough bytes for it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from ..errors import FormatError, TruncatedFile
from .raster import Raster

PIECE_BYTES = 2**20
MAX_RATIO = 1100
"""More than deflate can compress, which is 1032 to 1."""
MAX_LETTERS_PER_NUMBER = 64


def read_numbers(raster: Raster, start: int = 0, stop: int | None = None) -> np.ndarray:
    """The numbers from `start` up to `stop` of a file, in their order there, in the byte order of this machine.

    Compressed numbers are read to the end, which verifies their checksum, whichever of them are asked for.
    Raises TruncatedFile where there are too few, FormatError for damaged data and for more bytes than the header says.
    """
    stop = raster.count if stop is None else stop
    with _opened(raster) as (file, size):
        if raster.encoding == "text":
            found = _text(file, size, raster)[start:stop]
        else:
            check = _check_packed if raster.encoding == "zlib" else _check_raw
            check(raster, size)
            found = np.empty(stop - start, raster.dtype)
            read = _inflate if raster.encoding == "zlib" else _copy
            read(file, size, raster, start * raster.dtype.itemsize, found.view(np.uint8))
    return found.astype(raster.dtype.newbyteorder("="), copy=False)


@contextmanager
def _opened(raster: Raster) -> Iterator[tuple[BinaryIO, int]]:
    """The file at the start of its numbers, and the number of bytes from there on that belong to them."""
    try:
        with raster.data.open("rb") as file:
            whole = os.fstat(file.fileno()).st_size
            offset = raster.offset if raster.offset >= 0 else max(0, whole - raster.byte_count)
            file.seek(offset)
            rest = max(0, whole - offset)
            if raster.stored is not None and raster.stored > rest:
                raise _short(raster, rest, raster.stored)
            yield file, rest if raster.stored is None else raster.stored
    except OSError as error:
        raise FormatError(f"{raster.name}: cannot be read ({error.strerror}); check the file") from error


def _check_raw(raster: Raster, size: int) -> None:
    if size < raster.byte_count:
        raise _short(raster, size, raster.byte_count)


def _check_packed(raster: Raster, size: int) -> None:
    if size * MAX_RATIO < raster.byte_count:
        raise _short(raster, size, raster.byte_count, "compressed ")


def _short(raster: Raster, found: int, expected: int, kind: str = "") -> TruncatedFile:
    return TruncatedFile(
        f"{raster.name}: {raster.data.stat().st_size} bytes, {found} {kind}bytes of numbers in them, expected "
        f"{expected} for {raster.shown}; copy or export the file again"
    )


def _copy(file: BinaryIO, size: int, raster: Raster, start: int, target: np.ndarray) -> None:
    file.seek(start, os.SEEK_CUR)
    if file.readinto(target) != len(target):  # type: ignore[attr-defined]
        raise _short(raster, size, raster.byte_count)


def _inflate(file: BinaryIO, size: int, raster: Raster, start: int, target: np.ndarray) -> None:
    """Inflate all of a stream and keep what belongs to `target`, which begins at byte `start` of its content."""
    done = 0
    for piece in _pieces(file, size, raster):
        low, high = max(done, start), min(done + len(piece), start + len(target))
        if low < high:
            target[low - start : high - start] = np.frombuffer(piece, np.uint8)[low - done : high - done]
        done += len(piece)
        if done > raster.byte_count:
            raise FormatError(
                f"{raster.name}: its compressed numbers are longer than {raster.byte_count} bytes, those of "
                f"{raster.shown}; export it again"
            )
    if done < raster.byte_count:
        raise _short(raster, done, raster.byte_count)


def _pieces(file: BinaryIO, size: int, raster: Raster) -> Iterator[bytes]:
    """The content of one or several streams of gzip or zlib, whose checksums are compared at their ends."""
    stream, packed, left = _stream(), b"", size
    try:
        while True:
            if not packed:
                packed = file.read(min(PIECE_BYTES, left))
                left -= len(packed)
                if not packed:
                    break
            yield stream.decompress(packed, PIECE_BYTES)
            packed = stream.unconsumed_tail
            if stream.eof:
                packed = stream.unused_data
                if not packed.strip(b"\0") and not left:
                    return
                stream = _stream()
    except zlib.error as error:
        raise FormatError(f"{raster.name}: its compressed numbers are damaged ({error}); copy it again") from error
    raise TruncatedFile(f"{raster.name}: its compressed numbers end too early; copy or export the file again")


def _stream() -> zlib._Decompress:
    return zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)


def _text(file: BinaryIO, size: int, raster: Raster) -> np.ndarray:
    if size > MAX_LETTERS_PER_NUMBER * raster.count or size < 2 * raster.count - 1:
        raise FormatError(f"{raster.name}: {size} letters for {raster.count} numbers; save it in binary")
    words = file.read(size).split()
    try:
        values = np.array([float(word) for word in words])
        if len(values) == raster.count:
            return values.astype(raster.dtype)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{raster.name}: text that is no numbers; save it in binary") from error
    raise _short(raster, len(values), raster.count)
