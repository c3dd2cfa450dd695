"""Whether an image file is complete and of the kind that its suffix says; ITK reads some damaged files silently."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import IO

from ..errors import FormatError, NotAnImage, TruncatedFile
from ..sniffing import sniff

CHUNK_BYTES = 1 << 20
HEADER_BYTES = 1 << 16
"""Bytes from the start of an NRRD or MetaImage file that contain its text header."""


def check_whole(path: Path) -> None:
    """Raises NotAnImage for another kind of file than its suffix says, TruncatedFile or FormatError for a damaged one.

    ITK returns wrong voxels for a truncated NIfTI file, so its bytes are counted; it ignores the checksum of gzip NRRD.
    """
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        _check_nifti(path)
        return
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if name.endswith((".nrrd", ".nhdr")):
        _expect(head.startswith(b"NRRD"), path, head, "NRRD")
        _check_nrrd_gzip(path, head)
    else:
        _expect(re.search(rb"(?m)^\s*NDims\s*=", head) is not None, path, head, "MetaImage")


def _expect(found: bool, path: Path, head: bytes, kind: str) -> None:
    if not found:
        raise NotAnImage(
            f"{path}: starts with {head[:12]!r} ({sniff(head)}), expected a {kind} image; "
            "export it again or rename it to match its content"
        )


def _check_nrrd_gzip(path: Path, head: bytes) -> None:
    end = re.search(rb"\r?\n\r?\n", head)
    text = head[: end.start()] if end else head
    if not end or not re.search(rb"(?mi)^encoding:\s*(gz|gzip)\s*$", text) or re.search(rb"(?mi)^\w+ ?skip:", text):
        return
    if not re.search(rb"(?mi)^data ?file:", text):
        with path.open("rb") as file:
            file.seek(end.end())
            _length(path, gzip.GzipFile(fileobj=file))


def _check_nifti(path: Path) -> None:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as stream:
        head, length = _length(path, stream, keep=540)
    promised = _nifti_length(head)
    _expect(promised is not None, path, head, "NIfTI")
    if promised is not None and length < promised:
        raise TruncatedFile(
            f"{path}: {length} bytes{' after decompression' if packed else ''}, expected {promised}; "
            "copy or export it again"
        )


def _nifti_length(head: bytes) -> int | None:
    """The number of bytes that a NIfTI-1 or NIfTI-2 header promises; None when `head` is neither."""
    head = head.ljust(540, b"\0")
    for order in "<>":
        size = struct.unpack_from(order + "i", head)[0]
        if size == 348 and head[344:347] == b"n+1":
            dim, layout = struct.unpack_from(order + "8h", head, 40), (72, "f", 108)
        elif size == 540 and head[4:7] == b"n+2":
            dim, layout = struct.unpack_from(order + "8q", head, 16), (14, "q", 168)
        else:
            continue
        voxels = 1
        for count in dim[1 : 1 + max(0, min(dim[0], 7))]:
            voxels *= max(1, count)
        bits = struct.unpack_from(order + "h", head, layout[0])[0]
        offset = struct.unpack_from(order + layout[1], head, layout[2])[0]
        return int(offset) + voxels * bits // 8
    return None


def _length(path: Path, stream: IO[bytes] | gzip.GzipFile, keep: int = 0) -> tuple[bytes, int]:
    """The first `keep` bytes of a stream and its length; reading to the end verifies the checksum of gzip."""
    try:
        head = stream.read(keep)
        length = len(head)
        while chunk := stream.read(CHUNK_BYTES):
            length += len(chunk)
    except EOFError as error:
        raise TruncatedFile(
            f"{path}: {path.stat().st_size} bytes, its gzip data end too early; copy or export it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(f"{path}: its gzip data are damaged ({error}); copy or export it again") from error
    return head, length
