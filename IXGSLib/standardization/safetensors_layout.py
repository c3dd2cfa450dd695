"""The layout of a safetensors file, read and checked before any of its tensors is loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import parsing
from ..errors import FormatError, TruncatedFile
from ..formats.strict_json import parse_json

MAX_FILE_BYTES = 64 * 2**20
"""Size of the largest file that is opened; weights of 20 MB are 15 times as many numbers as a small network needs."""
MAX_HEADER_BYTES = 2**20
CURE = "use weights that ixgs train-standardizer has written, or copy them again"
BYTES = {"F16": 2, "F32": 4}
"""Bytes per number of the types that weights have."""

Kind = tuple[str, list[int]]
"""Type and shape of a tensor."""


@dataclass(frozen=True)
class Entry:
    """What the header states of a tensor: its type, its shape, and its first and last byte after the header."""

    kind: Kind
    begin: int
    end: int


@dataclass(frozen=True)
class Layout:
    """The header of a file: its metadata, its tensors by name, and its length with the eight bytes before it."""

    metadata: Any
    entries: dict[str, Entry]
    header_bytes: int


def read_file(path: Path) -> bytes:
    """The content of a file; raises FormatError for one that is missing, too large or a pickle."""
    data = parsing.read_file(path, MAX_FILE_BYTES)
    if data.startswith(b"PK\x03\x04") or (data.startswith(b"\x80") and data[8:9] != b"{"):
        raise FormatError(
            f"{path.name}: a pickle, as written by torch.save, expected safetensors; a pickle can run programs and is "
            f"never opened: {CURE}"
        )
    return data


def read_layout(data: bytes, name: str) -> Layout:
    """The header at the beginning of a file; raises FormatError, or TruncatedFile where it is cut off."""
    if len(data) < 8:
        raise TruncatedFile(f"{name}: {len(data)} bytes, expected the header of safetensors; copy the file again")
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER_BYTES:
        raise FormatError(
            f"{name}: a header of {length} bytes, expected at most {MAX_HEADER_BYTES}: not safetensors; {CURE}"
        )
    if 8 + length > len(data):
        raise TruncatedFile(f"{name}: ends inside its header of {length} bytes; copy the file again")
    header = parse_json(data[8 : 8 + length], name)
    if not isinstance(header, dict):
        raise FormatError(f"{name}: its header is not a JSON object, expected safetensors; {CURE}")
    metadata = header.pop("__metadata__", None)
    return Layout(metadata, {key: _entry(value, f"{name}: {key}") for key, value in header.items()}, 8 + length)


def check_layout(layout: Layout, expected: Mapping[str, Kind], size: int, name: str) -> None:
    """Raise FormatError unless the file of `size` bytes consists of the expected tensors, one after another."""
    for key in sorted(layout.entries.keys() ^ expected.keys()):
        what = "is missing" if key in expected else "is unknown"
        raise FormatError(f"{name}: {key} {what}, expected the tensors of a generator of its settings; {CURE}")
    for key, (dtype, shape) in expected.items():
        found = layout.entries[key].kind
        if found != (dtype, shape):
            raise FormatError(f"{name}: {key} is {found[0]} {found[1]}, expected {dtype} {shape}; {CURE}")
    end = _end_of_tensors(layout, name)
    if size < end:
        raise TruncatedFile(f"{name}: {size} bytes, expected {end}; copy the file again")
    if size > end:
        raise FormatError(f"{name}: {size} bytes, expected {end}; something was added: {CURE}")


def _end_of_tensors(layout: Layout, name: str) -> int:
    """The length of the file; raises FormatError for tensors that overlap or leave gaps."""
    start = 0
    for key, entry in sorted(layout.entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        dtype, shape = entry.kind
        if entry.begin != start or entry.end - entry.begin != math.prod(shape) * BYTES[dtype]:
            raise FormatError(
                f"{name}: {key} lies at bytes {entry.begin} to {entry.end}, expected it after the one before; {CURE}"
            )
        start = entry.end
    return layout.header_bytes + start


def _entry(value: Any, what: str) -> Entry:
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "data_offsets"}:
        dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
        lists = isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2
        if isinstance(dtype, str) and lists and all(type(n) is int and 0 <= n < 2**40 for n in [*shape, *offsets]):
            return Entry((dtype, shape), offsets[0], offsets[1])
    raise FormatError(f"{what} is not described as in safetensors; {CURE}")
