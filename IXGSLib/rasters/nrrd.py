"""The header of NRRD files (https://teem.sourceforge.net/nrrd/format.html)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import FormatError, TruncatedFile
from .raster import MAX_HEADER_BYTES, Raster, data_file, dimensions, header_lines, numbers, whole, wholes

_CODES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_TYPES = {name: code for code, names in _CODES.items() for name in names}
_ENCODINGS = {"raw": "raw", "gz": "zlib", "gzip": "zlib", "txt": "text", "text": "text", "ascii": "text"}
_FLIPS = {
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
"""Signs that bring a space to LPS."""
_SPACES = {"2d": 2, "3d": 3, "4d": 4}
_SCALAR_KINDS = ("domain", "space", "time", "???", "none", "unknown")
"""Kinds of axes along which there is one number per sample."""
_VECTOR = re.compile(r"none|\(([^()]*)\)", re.IGNORECASE)


def read_header(path: Path) -> Raster:
    """The header of a NRRD file, of dimension 1 to 16; raises FormatError and TruncatedFile."""
    name = path.name
    fields, end = _fields(path)
    n = dimensions(_field(fields, "dimension", name), f"{name}: dimension")
    sizes = wholes(_field(fields, "sizes", name), n, f"{name}: sizes")
    _check_kinds(fields.get("kinds", ""), n, name)
    spacing, origin, direction = _lattice(fields, n, name)
    encoding = _encoding(fields, name)
    data, start = path, end
    if "data file" in fields:
        data, start = data_file(path, fields["data file"]), 0
    return Raster(
        name, sizes, _dtype(fields, encoding, name), encoding, data, _offset(fields, start, encoding, name), None,
        spacing, origin, direction,
    )  # fmt: skip


def has_data_file(path: Path) -> bool:
    """Whether the numbers lie in another file; raises like `read_header`."""
    return "data file" in _fields(path)[0]


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of a header by their lower-case names, and the number of its bytes."""
    lines, start = header_lines(path)
    fields: dict[str, str] = {}
    end = 0
    for number, line in enumerate(lines):
        end += len(line)
        text = line.strip("\r\n")
        if not text and line.endswith("\n") and end <= len(start):
            return fields, end
        key, separator, value = text.partition(": ")
        if number and separator and not text.startswith("#") and ":=" not in key:
            name = key.strip().lower()
            _add(fields, "data file" if name == "datafile" else name, value.strip(), path.name)
    if len(start) < MAX_HEADER_BYTES:
        # A header of its own needs no empty line at its end.
        if "data file" in fields:
            return fields, len(start)
        raise TruncatedFile(f"{path.name}: {len(start)} bytes of a header without an end; copy the file again")
    raise FormatError(f"{path.name}: more than {MAX_HEADER_BYTES} bytes of header; export it again")


def _add(fields: dict[str, str], key: str, value: str, name: str) -> None:
    if key in fields:
        raise FormatError(f"{name}: its header states {key!r} twice; export it again")
    fields[key] = value


def _field(fields: dict[str, str], key: str, name: str) -> str:
    if key not in fields:
        raise FormatError(f"{name}: its header states no {key}; export it again")
    return fields[key]


def _check_kinds(kinds: str, n: int, name: str) -> None:
    other = [kind for kind in kinds.split()[:n] if kind.lower() not in _SCALAR_KINDS]
    if other:
        raise FormatError(f"{name}: an axis of kind {other[0]!r}, expected one number per sample; export one component")


def _dtype(fields: dict[str, str], encoding: str, name: str) -> np.dtype:
    kind = _field(fields, "type", name).lower()
    if kind not in _TYPES:
        raise FormatError(f"{name}: numbers of type {kind[:40]!r}, expected integers or floats; export it again")
    order = fields.get("endian", "").lower()
    if order not in ("little", "big") and encoding != "text" and _TYPES[kind][1] != "1":
        raise FormatError(f'{name}: endian is {order[:40]!r}, expected "little" or "big"; export it again')
    return np.dtype((">" if order == "big" else "<") + _TYPES[kind])


def _encoding(fields: dict[str, str], name: str) -> str:
    stated = _field(fields, "encoding", name).lower()
    if stated not in _ENCODINGS:
        raise FormatError(f"{name}: encoding {stated[:40]!r}, expected raw or gzip; save it again")
    return _ENCODINGS[stated]


def _offset(fields: dict[str, str], start: int, encoding: str, name: str) -> int:
    skips = [fields.get(key) for key in ("line skip", "lineskip")]
    if any(skip not in (None, "0") for skip in skips):
        raise FormatError(f"{name}: skips lines of its data, which is not supported; save it again")
    skip = whole(fields.get("byte skip", fields.get("byteskip", "0")), f"{name}: byte skip")
    if skip < -1 or (skip and encoding != "raw"):
        raise FormatError(f"{name}: byte skip {skip} of {encoding} data is not supported; save it again")
    return -1 if skip == -1 else start + skip


def _lattice(fields: dict[str, str], n: int, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spacing, origin and direction, as ITK understands them."""
    if "space directions" not in fields:
        spacing = numbers(fields.get("spacings", "nan " * n), n, f"{name}: spacings")
        origin = numbers(fields.get("axis mins", fields.get("axismins", "nan " * n)), n, f"{name}: axis mins")
        return np.where(np.isnan(spacing), 1.0, spacing), np.where(np.isnan(origin), 0.0, origin), np.eye(n)
    space = fields.get("space", "").lower()
    vectors = [found[1] for found in _VECTOR.finditer(fields["space directions"])]
    stated = [numbers(text, None, f"{name}: space directions") for text in vectors if text is not None]
    if len(vectors) != n or len(stated) != n or len({len(each) for each in stated}) != 1 or len(stated[0]) < n:
        raise FormatError(f"{name}: space directions of other axes than its {n}; export it again")
    axes = np.stack(stated, axis=1)
    found = _VECTOR.search(fields.get("space origin", ""))
    text = found[1] if found is not None and found[1] is not None else "0 " * len(axes)
    origin = numbers(text, len(axes), f"{name}: space origin")
    signs = np.array(_FLIPS.get(space, (1, 1, 1)) if len(axes) == 3 else np.ones(len(axes)))
    with np.errstate(all="ignore"):
        spacing = np.linalg.norm(axes, axis=0)
        direction = signs[:, None] * axes / spacing
    return spacing, (signs * origin)[:n], direction[:n]
