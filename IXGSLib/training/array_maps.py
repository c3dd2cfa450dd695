"""The arrays of an .npz file as memory maps, of which only the parts that are used are read."""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_LENGTHS_OFFSET, _HEADER_BYTES = 26, 30
"""Where a member's own header states the lengths of its name and of its extra field, which end the header, and the
bytes before them (APPNOTE.TXT of PKWARE, 4.3.7)."""


def map_arrays(file: Path, names: Sequence[str]) -> list[np.ndarray]:
    """The arrays of these names in a file that `numpy.savez` has written, read-only, in half precision.

    The values are not compared with their checksums, which would read all of them.
    Raises OSError for a file that cannot be read, ValueError for one that is damaged or of another kind.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return [_mapped(file, archive, f"{name}.npy") for name in names]
    except (zipfile.BadZipFile, KeyError, RuntimeError, EOFError, struct.error, OverflowError) as error:
        raise ValueError(str(error)) from error


def _mapped(file: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, expected it as numpy.savez stores it")
    with archive.open(member) as opened:
        version = np.lib.format.read_magic(opened)
        shape, columns_first, kind = np.lib.format.read_array_header_1_0(opened)
        start = opened.tell()
    if version != (1, 0) or columns_first or kind != np.float16:
        raise ValueError(f"{name} holds {kind} in version {version}, expected float16 in rows in version (1, 0)")
    if start + kind.itemsize * math.prod(shape) != member.file_size:
        raise ValueError(f"{name} has {member.file_size} bytes, which are not those of its shape {shape}")
    return np.memmap(file, kind, "r", _data_offset(file, member) + start, shape)


def _data_offset(file: Path, member: zipfile.ZipInfo) -> int:
    """Where the data of a member begin: the extra field of its own header may differ from that of the directory."""
    with file.open("rb") as opened:
        opened.seek(member.header_offset + _LENGTHS_OFFSET)
        lengths = struct.unpack("<HH", opened.read(_HEADER_BYTES - _LENGTHS_OFFSET))
    return member.header_offset + _HEADER_BYTES + sum(lengths)
