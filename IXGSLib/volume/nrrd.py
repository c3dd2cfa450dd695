"""NRRD files of volumes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import FormatError, GeometryError
from ..geometry import Grid
from ..geometry.rigid import Array
from ..steps import Steps, result_of

ATTENUATION = "Attenuation in 1/mm. Research use only. Not a medical device."
GZIP_LEVEL = 4
"""Takes half the time of the default level for nearly the same size, on noisy float voxels."""
PIECE_BYTES = 2**20
"""Bytes that are decompressed in one step, which takes a few milliseconds."""
TYPES = {
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "i8": "int64",
    "u8": "uint64",
    "f4": "float",
    "f8": "double",
}
"""The name of each type of number in a header, by its kind and bytes."""
MAX_HEADER_BYTES = 2**16
MAX_VOXELS = 2**31
"""Largest number of voxels in a file; more are refused before any memory is allocated."""


def nrrd_bytes(values: np.ndarray, grid: Grid, comment: str = ATTENUATION) -> bytes:
    """float32 values [k, j, i] on a grid as an NRRD file: LPS geometry, mm, gzip; the same input gives the same bytes.

    comment: what the values are. Format: https://teem.sourceforge.net/nrrd/format.html.
    """
    header = _header_bytes("float", "gzip", grid, comment)
    return header + gzip.compress(np.ascontiguousarray(values, dtype="<f4").tobytes(), GZIP_LEVEL, mtime=0)


def write_raw_nrrd_steps(path: Path, values: np.ndarray, grid: Grid) -> Steps[None]:
    """Write numbers [k, j, i] of any type on a grid as an uncompressed NRRD file, some slices in each step."""
    dtype = values.dtype
    each = max(1, PIECE_BYTES // max(1, values[0].nbytes))
    with path.open("wb") as file:
        file.write(_header_bytes(TYPES[dtype.str[1:]], "raw", grid, "Copied from a scene."))
        for first in range(0, len(values), each):
            file.write(np.ascontiguousarray(values[first : first + each], dtype.newbyteorder("<")).tobytes())
            yield


def _header_bytes(kind: str, encoding: str, grid: Grid, comment: str) -> bytes:
    nk, nj, ni = grid.shape
    axes = (grid.direction * grid.spacing).T
    lines = [
        "NRRD0004",
        f"# {comment}",
        f"type: {kind}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {ni} {nj} {nk}",
        f"space directions: {' '.join(_vector(axis) for axis in axes)}",
        "kinds: domain domain domain",
        "endian: little",
        f"encoding: {encoding}",
        'space units: "mm" "mm" "mm"',
        f"space origin: {_vector(grid.origin)}",
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")


def nrrd_content(data: bytes) -> tuple[np.ndarray, Grid]:
    """The values [k, j, i] and the grid of a file that `nrrd_bytes` made; raises FormatError for any other."""
    found: list[np.ndarray] = []

    def make(shape: tuple[int, int, int]) -> np.ndarray:
        found.append(np.empty(shape, np.float32))
        return found[0]

    grid = result_of(nrrd_steps(io.BytesIO(data), make))
    return found[0], grid


def nrrd_steps(file: BinaryIO, make: Callable[[tuple[int, int, int]], np.ndarray]) -> Steps[Grid]:
    """As `nrrd_content`, but step by step and into an array of the caller; the result is the grid.

    make: returns a contiguous float32 array [k, j, i] of a given shape.
    """
    try:
        grid = _header(file)
        yield from _decompress(file, make(grid.shape))
    except (KeyError, IndexError, ValueError, OverflowError, OSError, EOFError, zlib.error, GeometryError) as error:
        raise FormatError(f"not a volume that IXGS wrote ({error}); create it again") from error
    return grid


def _header(file: BinaryIO) -> Grid:
    """The grid in a header; leaves the file at the first byte after it."""
    lines, left = [], MAX_HEADER_BYTES
    while line := file.readline(left).strip():
        left -= len(line)
        if left <= 0:
            raise ValueError(f"a header of more than {MAX_HEADER_BYTES} bytes")
        lines.append(line.decode("ascii", errors="replace"))
    fields = dict(line.split(": ", 1) for line in lines[2:] if ": " in line)
    ni, nj, nk = map(int, fields["sizes"].split())
    if min(ni, nj, nk) < 1 or ni * nj * nk > MAX_VOXELS:
        raise ValueError(f"{ni} x {nj} x {nk} voxels")
    axes = np.array([_numbers(axis) for axis in fields["space directions"].split()]).T
    spacing = np.linalg.norm(axes, axis=0)
    return Grid((nk, nj, ni), spacing, _numbers(fields["space origin"]), axes / spacing)


def _decompress(file: BinaryIO, values: np.ndarray) -> Steps[None]:
    """Decompress a gzip stream into an array, which it must fill exactly."""
    target, filled = values.reshape(-1).view(np.uint8), 0
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    while not stream.eof:
        packed = stream.unconsumed_tail or file.read(PIECE_BYTES)
        if not packed:
            raise EOFError(f"it ends after {filled} of {target.size} bytes of voxels")
        part = np.frombuffer(stream.decompress(packed, PIECE_BYTES), np.uint8)
        if filled + part.size > target.size:
            raise ValueError(f"more than {target.size} bytes of voxels")
        target[filled : filled + part.size] = part
        filled += part.size
        yield
    if filled < target.size:
        raise EOFError(f"{filled} bytes of voxels, expected {target.size}")


def _numbers(vector: str) -> np.ndarray:
    return np.array([float(value) for value in vector.strip("()").split(",")])


def _vector(values: Array) -> str:
    return "(" + ",".join(repr(float(value)) for value in values) + ")"
