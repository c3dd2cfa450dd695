"""Whether a NIfTI file is complete and its header consistent; ITK reads damaged ones silently."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

from ..errors import FormatError, NotAnImage, TruncatedFile
from ..sniffing import sniff

MAX_VOXELS = 2**31
"""Largest number of voxels in a file, 8 GiB of float32; more are refused before any memory is allocated."""
CHUNK_BYTES = 1 << 20
MAX_REST_BYTES = 1 << 20
"""Most bytes behind the voxels; a stream that does not end there has another purpose."""
_BITS = {2: 8, 4: 16, 8: 32, 16: 32, 64: 64, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64}
"""Bits of the data types that hold one number per voxel (nifti1.h)."""


def check_nifti(path: Path) -> None:
    """Raises NotAnImage for another kind of file, TruncatedFile and FormatError for a damaged one.

    ITK returns wrong voxels for a truncated file, so its bytes are counted; reading to the end verifies the checksum
    of gzip.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            head = stream.read(540)
            promised = _promised(head, path)
            length = _length(stream, len(head), promised + MAX_REST_BYTES)
    except EOFError as error:
        raise TruncatedFile(
            f"{path}: {path.stat().st_size} bytes, its gzip data end too early; copy or export it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(f"{path}: its gzip data are damaged ({error}); copy or export it again") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    what = " after decompression" if packed else ""
    if length < promised:
        raise TruncatedFile(f"{path}: {length} bytes{what}, expected {promised}; copy or export it again")
    if length > promised + MAX_REST_BYTES:
        raise FormatError(f"{path}: more than {promised} bytes{what}, which its header promises; export it again")


def _length(stream: IO[bytes] | gzip.GzipFile, read: int, limit: int) -> int:
    """The length of a stream of which `read` bytes have been read, or more than `limit` for a longer one."""
    while read <= limit and (chunk := stream.read(CHUNK_BYTES)):
        read += len(chunk)
    return read


def _promised(head: bytes, path: Path) -> int:
    """The number of bytes that a header promises."""
    full = head.ljust(540, b"\0")
    for order in "<>":
        size = struct.unpack_from(order + "i", full)[0]
        if size == 348 and full[344:347] == b"n+1":
            sizes, layout = struct.unpack_from(order + "8h", full, 40), (70, 72, "f", 108)
        elif size == 540 and full[4:7] == b"n+2":
            sizes, layout = struct.unpack_from(order + "8q", full, 16), (12, 14, "q", 168)
        else:
            continue
        kind, bits = (struct.unpack_from(order + "h", full, at)[0] for at in layout[:2])
        offset = struct.unpack_from(order + layout[2], full, layout[3])[0]
        return _voxels(sizes, path) * _bytes(kind, bits, path) + _start(offset, path)
    raise NotAnImage(
        f"{path}: starts with {head[:12]!r} ({sniff(head)}), expected a NIfTI image; export it again or "
        "rename it to match its content"
    )


def _voxels(sizes: tuple[int, ...], path: Path) -> int:
    """The number of voxels; raises FormatError unless there are three dimensions."""
    count, axes = sizes[0], sizes[1:]
    if not 3 <= count <= 7 or min(axes[:3]) < 1 or any(size not in (0, 1) for size in axes[3:count]):
        shown = " x ".join(map(str, axes[: max(0, min(count, 7))]))
        raise FormatError(f"{path}: {count} dimensions, {shown} voxels, expected 3 dimensions; export a single volume")
    voxels = axes[0] * axes[1] * axes[2]
    if voxels > MAX_VOXELS:
        raise FormatError(f"{path}: {axes[:3]} voxels, expected at most {MAX_VOXELS} in all; crop or resample it")
    return voxels


def _bytes(kind: int, bits: int, path: Path) -> int:
    if _BITS.get(kind) != bits:
        raise FormatError(
            f"{path}: data type {kind} with {bits} bits per voxel, expected integers or floats with one number per "
            "voxel; export it again"
        )
    return bits // 8


def _start(offset: float, path: Path) -> int:
    if not math.isfinite(offset) or not 0 <= offset < 2**32:
        raise FormatError(f"{path}: its voxels begin at byte {offset}, expected a number from 0; export it again")
    return int(offset)
