"""Volumes as the bytes of an NRRD file."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from ..errors import FormatError
from ..geometry import Grid
from ..geometry.rigid import Array
from ..steps import Steps, finished

COMPRESSION = 4
"""gzip level: half the time of the default for nearly the same size on noisy float voxels."""
PART = 2**20
"""Bytes that are unpacked at a time: some milliseconds."""
LONGEST_HEADER = 2**16
MOST_VOXELS = 2**31
"""A header that asks for more is refused before memory is taken."""


def nrrd_bytes(values: np.ndarray, grid: Grid) -> bytes:
    """float32 values [k, j, i] on a grid as an NRRD file: LPS geometry, mm, gzip; the same input gives the same bytes.

    Format: https://teem.sourceforge.net/nrrd/format.html.
    """
    nk, nj, ni = grid.shape
    axes = (grid.direction * grid.spacing).T
    header = [
        "NRRD0004",
        "# Attenuation in 1/mm. Research use only. Not a medical device.",
        "type: float",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {ni} {nj} {nk}",
        f"space directions: {' '.join(_vector(axis) for axis in axes)}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        'space units: "mm" "mm" "mm"',
        f"space origin: {_vector(grid.origin)}",
    ]
    voxels = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return ("\n".join(header) + "\n\n").encode("ascii") + gzip.compress(voxels, COMPRESSION, mtime=0)


def nrrd_content(data: bytes) -> tuple[np.ndarray, Grid]:
    """The values [k, j, i] and the grid of `nrrd_bytes`; raises FormatError for any other file."""
    found: list[np.ndarray] = []

    def make(shape: tuple[int, int, int]) -> np.ndarray:
        found.append(np.empty(shape, np.float32))
        return found[0]

    grid = finished(nrrd_steps(io.BytesIO(data), make))
    return found[0], grid


def nrrd_steps(file: BinaryIO, make: Callable[[tuple[int, int, int]], np.ndarray]) -> Steps[Grid]:
    """As `nrrd_content`, part by part, into an array of one's own; the result is the grid.

    make: gives the contiguous float32 array [k, j, i] for a shape.
    """
    try:
        grid = _header(file)
        yield from _unpacked(file, make(grid.shape))
    except (KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        raise FormatError(f"no volume that IXGS wrote ({error}); make it again") from error
    return grid


def _header(file: BinaryIO) -> Grid:
    """The lattice in a header, behind which the file stands afterwards."""
    lines = []
    while line := file.readline(LONGEST_HEADER).strip():
        lines.append(line.decode("ascii", errors="replace"))
    fields = dict(line.split(": ", 1) for line in lines[2:] if ": " in line)
    ni, nj, nk = map(int, fields["sizes"].split())
    if not 0 < ni * nj * nk <= MOST_VOXELS:
        raise ValueError(f"{ni} x {nj} x {nk} voxels")
    axes = np.array([_numbers(axis) for axis in fields["space directions"].split()]).T
    spacing = np.linalg.norm(axes, axis=0)
    return Grid((nk, nj, ni), spacing, _numbers(fields["space origin"]), axes / spacing)


def _unpacked(file: BinaryIO, values: np.ndarray) -> Steps[None]:
    """Unpack a gzip stream into an array that it fills."""
    target, filled = values.reshape(-1).view(np.uint8), 0
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    while not stream.eof:
        packed = stream.unconsumed_tail or file.read(PART)
        if not packed:
            raise EOFError(f"it ends after {filled} of {target.size} bytes of voxels")
        part = np.frombuffer(stream.decompress(packed, PART), np.uint8)
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
