"""MATLAB files of version 5 to 7, the level 5 MAT-file format.

Source: MATLAB MAT-File Format, The MathWorks, chapter 1. Every length is compared with the bytes that there are, which
the common reader of these files does not do: it ends the process on damaged ones.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

from ...errors import FormatError

MAX_BYTES = 2**26
"""Most bytes of a variable after decompression."""
MAX_DEPTH = 16
"""Most structs and cells inside each other."""
_HEADER_BYTES = 128
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8", 16: "u1"}
"""Types of stored numbers; 16 to 18 are letters."""
_LETTERS = {1: "utf-8", 2: "utf-8", 16: "utf-8", 4: "utf-16", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
"""Classes of arrays of numbers."""
_COMPLEX, _LOGICAL = 0x0800, 0x0200


def matlab_content(data: bytes, name: str) -> dict[str, Any]:
    """The variables of a file by name.

    Arrays and cells lose axes of length 1, down to a single number or value; structs are dicts, cells lists.
    Objects and sparse matrices are None. Raises FormatError for a damaged file.
    """
    try:
        order = {b"IM": "<", b"MI": ">"}[data[126:128]]
        found, rest = {}, memoryview(data)[_HEADER_BYTES:]
        while len(rest) >= 8:
            kind, content, rest = _element(rest, order, pad=False)
            if kind == _COMPRESSED:
                kind, content, _ = _element(memoryview(_inflated(content)), order)
            if kind == _MATRIX:
                key, value = _matrix(content, order, 0)
                found[key] = value
        return found
    except (KeyError, IndexError, ValueError, OverflowError, struct.error, zlib.error) as error:
        raise FormatError(
            f"{name}: a MATLAB file that cannot be read, damaged or cut; save it again with save(..., '-v7')"
        ) from error


def _element(data: memoryview, order: str, pad: bool = True) -> tuple[int, memoryview, memoryview]:
    """The type and content of the first element of some bytes, and the bytes behind it; raises ValueError."""
    kind, count = struct.unpack_from(order + "2I", data)
    start = 8
    if kind >> 16:  # a small element holds its type, its length and up to four bytes in eight
        kind, count, start = kind & 0xFFFF, kind >> 16, 4
    end = start + count
    if end > len(data) or (start == 4 and count > 4):
        raise ValueError("an element longer than what holds it")
    behind = 8 if start == 4 else end + (-count % 8 if pad else 0)
    return kind, data[start:end], data[behind:]


def _inflated(packed: memoryview) -> bytes:
    stream = zlib.decompressobj()
    content = stream.decompress(packed, MAX_BYTES)
    if not stream.eof:
        raise ValueError(f"cut, or more than {MAX_BYTES} bytes")
    return content


def _matrix(data: memoryview, order: str, depth: int) -> tuple[str, Any]:
    """The name and the value of an array of any class."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if not len(data):
        return "", np.zeros(0)
    _, flags, data = _element(data, order)
    word = struct.unpack_from(order + "I", flags)[0]
    kind = word & 0xFF
    if kind not in (_CELL, _STRUCT, _CHAR, *_CLASSES):
        return "", None
    _, sizes, data = _element(data, order)
    shape = tuple(int(size) for size in np.frombuffer(sizes, order + "i4"))
    if any(size < 0 for size in shape) or len(shape) > MAX_DEPTH:
        raise ValueError(f"an array of shape {shape}")
    _, letters, data = _element(data, order)
    name = bytes(letters).decode("utf-8", errors="replace")
    if kind == _CELL:
        return name, _cells(data, shape, order, depth)
    if kind == _STRUCT:
        return name, _structs(data, shape, order, depth)
    if kind == _CHAR:
        return name, _text(data, shape, order)
    if word & _COMPLEX:
        raise ValueError("complex numbers")
    values = _numbers(data, shape, order).astype(_CLASSES[kind])
    return name, _squeezed(values.astype(bool) if word & _LOGICAL else values)


def _numbers(data: memoryview, shape: tuple[int, ...], order: str) -> np.ndarray:
    kind, content, _ = _element(data, order)
    return np.frombuffer(content, order + _NUMBERS[kind]).reshape(shape, order="F")


def _text(data: memoryview, shape: tuple[int, ...], order: str) -> Any:
    """A row of letters as a text, several rows as a list of texts."""
    kind, content, _ = _element(data, order)
    encoding = _LETTERS[kind]
    if encoding != "utf-8":
        encoding += "-le" if order == "<" else "-be"
    letters = bytes(content).decode(encoding, errors="replace")
    rows = shape[0] if shape else 0
    if rows <= 1:
        return letters
    return ["".join(letters[n::rows]) for n in range(min(rows, len(letters)))]


def _cells(data: memoryview, shape: tuple[int, ...], order: str, depth: int) -> Any:
    count = int(np.prod(shape, dtype=object))
    return _listed([_matrix(content, order, depth + 1)[1] for content in _matrices(data, count, order)], shape)


def _structs(data: memoryview, shape: tuple[int, ...], order: str, depth: int) -> Any:
    """A struct as a dict, an array of structs as a list."""
    _, length, data = _element(data, order)
    width = struct.unpack_from(order + "i", length)[0]
    _, letters, data = _element(data, order)
    if width < 1:
        raise ValueError("names without letters")
    text = bytes(letters)
    names = [text[at : at + width].split(b"\0")[0].decode("ascii", "replace") for at in range(0, len(text), width)]
    count = int(np.prod(shape, dtype=object))
    values = [_matrix(content, order, depth + 1)[1] for content in _matrices(data, count * len(names), order)]
    rows = [dict(zip(names, values[n * len(names) :], strict=False)) for n in range(count if names else 0)]
    return rows[0] if len(rows) == 1 else _listed(rows, shape)


def _matrices(data: memoryview, count: int, order: str) -> list[memoryview]:
    """The contents of so many arrays one after the other."""
    found = []
    if count > len(data) // 8:
        raise ValueError(f"{len(data)} bytes for {count} arrays")
    for _ in range(count):
        _, content, data = _element(data, order)
        found.append(content)
    return found


def _listed(values: list[Any], shape: tuple[int, ...]) -> Any:
    """Values in MATLAB's order as lists inside each other, without axes of length 1; a single value as it is."""
    if len(values) == 1:
        return values[0]
    array = np.empty(len(values), dtype=object)
    for n, value in enumerate(values):
        array[n] = value
    return _rows(array.reshape(shape, order="F").squeeze())


def _rows(array: np.ndarray) -> list[Any]:
    return list(array) if array.ndim == 1 else [_rows(row) for row in array]


def _squeezed(array: np.ndarray) -> Any:
    squeezed = array.squeeze()
    return squeezed.item() if squeezed.ndim == 0 else squeezed
