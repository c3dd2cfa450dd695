"""Guards for parsers of foreign files: limits of size, regular files only, and one error for all damage."""

from __future__ import annotations

import math
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import FormatError, IXGSError, TruncatedFile

MAX_TEXT_BYTES = 2**24
"""Largest file of text or of a few numbers, such as a case, a calibration or settings."""
MAX_IMAGE_BYTES = 2**30
"""Largest file of one X-ray or of the frames of one acquisition that is read into memory."""
_PIECE_BYTES = 2**20


@contextmanager
def parsing(name: str) -> Iterator[None]:
    """Turn whatever a parser raises on a damaged file into a FormatError that names the file.

    Libraries do not document what they raise on damaged files: it is whatever their code runs into. The text of the
    exception is left out, because it may quote the file, and with it the name of a patient.
    """
    try:
        yield
    except IXGSError:
        raise
    except MemoryError as error:
        raise FormatError(
            f"{name}: asks for more memory than there is; its header is damaged, or the image must be made smaller"
        ) from error
    except Exception as error:
        raise FormatError(
            f"{name}: its content does not follow its format ({type(error).__name__} while reading); copy or export it "
            "again"
        ) from error


def read_file(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """The content of a regular file of at most `limit` bytes; raises FormatError for any other."""
    with open_regular(path, limit) as file:
        return file.read(limit)


def check_file(path: Path, limit: float) -> None:
    """Raises FormatError unless a path is a readable regular file of at most `limit` bytes."""
    open_regular(path, limit).close()


def open_regular(path: Path, limit: float = math.inf) -> BinaryIO:
    """A regular file of at most `limit` bytes, opened; raises FormatError for a folder, a device, a pipe or no file."""
    try:
        file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
        status = os.fstat(file.fileno())
    except OSError as error:
        raise FormatError(
            f"{path.name}: cannot be opened ({error.strerror}); check that the file exists and is readable"
        ) from error
    except ValueError as error:
        raise FormatError(f"{path.name!a}: no file can have this name; rename it") from error
    if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
        return file
    file.close()
    if not stat.S_ISREG(status.st_mode):
        raise FormatError(f"{path.name}: a folder, a device or a pipe, expected a file; choose another")
    raise FormatError(
        f"{path.name}: {-(-status.st_size // 2**20)} MiB, expected at most {limit / 2**20:g} MiB; choose another file"
    )


def inflated_size(packed: bytes, limit: int, wbits: int = zlib.MAX_WBITS) -> int:
    """The number of bytes that a zlib stream inflates to, counted piece by piece; more than `limit` ends the count.

    Raises zlib.error for damaged data. A stream that ends early has the size that it has.
    """
    stream, size, rest = zlib.decompressobj(wbits), 0, packed
    while rest and not stream.eof and size <= limit:
        piece = stream.decompress(rest, _PIECE_BYTES)
        rest = stream.unconsumed_tail
        size += len(piece)
    return size


def check_inflated(packed: Iterable[bytes], limit: int, name: str, wbits: int = zlib.MAX_WBITS) -> None:
    """Raises FormatError when zlib streams together inflate to more than `limit` bytes, TruncatedFile for damage."""
    left = limit
    try:
        for each in packed:
            left -= inflated_size(each, left, wbits)
            if left < 0:
                raise FormatError(
                    f"{name}: its compressed content is larger than {limit} bytes, the most that it can hold; export "
                    "it again"
                )
    except zlib.error as error:
        raise TruncatedFile(f"{name}: its compressed content is damaged ({error}); copy the file again") from error


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a named pipe without a writer would otherwise be waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
