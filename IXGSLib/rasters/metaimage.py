"""The header of MetaImage files (https://itk.org/Wiki/MetaIO/Documentation)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import FormatError, TruncatedFile
from .raster import MAX_HEADER_BYTES, Raster, data_file, dimensions, header_lines, numbers, whole, wholes

_TYPES = {
    "met_char": "i1",
    "met_uchar": "u1",
    "met_short": "i2",
    "met_ushort": "u2",
    "met_int": "i4",
    "met_uint": "u4",
    "met_long": "i4",
    "met_ulong": "u4",
    "met_long_long": "i8",
    "met_ulong_long": "u8",
    "met_float": "f4",
    "met_double": "f8",
}
_DATA = "elementdatafile"
_LATTICE = {
    "spacing": ("elementspacing", "elementsize"),
    "origin": ("offset", "position", "origin"),
    "axes": ("transformmatrix", "orientation", "rotation"),
}
"""The keys of a lattice in the order in which they count."""


def read_header(path: Path) -> Raster:
    """The header of a MetaImage file, of dimension 1 to 16; raises FormatError and TruncatedFile."""
    name = path.name
    fields, end = _fields(path)
    n = dimensions(_field(fields, "ndims", name), f"{name}: NDims")
    sizes = wholes(_field(fields, "dimsize", name), n, f"{name}: DimSize")
    channels = whole(fields.get("elementnumberofchannels", "1"), f"{name}: ElementNumberOfChannels")
    if channels != 1:
        raise FormatError(f"{name}: {channels} channels, expected one number per sample; export one component")
    data, offset = path, end
    if fields[_DATA].upper() != "LOCAL":
        data, offset = data_file(path, fields[_DATA]), _header_size(fields, name)
    spacing, origin, direction = _lattice(fields, n, name)
    encoding, stored = _encoding(fields, name)
    return Raster(name, sizes, _dtype(fields, name), encoding, data, offset, stored, spacing, origin, direction)


def has_data_file(path: Path) -> bool:
    """Whether the numbers lie in another file; raises like `read_header`."""
    return _fields(path)[0][_DATA].upper() != "LOCAL"


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of a header by their lower-case names, and the number of its bytes up to the end of the last field."""
    lines, start = header_lines(path)
    fields: dict[str, str] = {}
    end = 0
    for line in lines:
        end += len(line)
        key, separator, value = line.replace(":", "=", 1).partition("=") if "=" not in line else line.partition("=")
        key = key.strip().lower()
        if not separator:
            if key:
                break
            continue
        if key in fields:
            raise FormatError(f"{path.name}: its header states {key!r} twice; export it again")
        fields[key] = value.strip()
        if key == _DATA and end <= len(start):
            return fields, end
    if len(start) >= MAX_HEADER_BYTES and end >= MAX_HEADER_BYTES:
        raise FormatError(f"{path.name}: more than {MAX_HEADER_BYTES} bytes of header; export it again")
    raise TruncatedFile(
        f"{path.name}: {path.stat().st_size} bytes with a header that breaks off before ElementDataFile; copy the file "
        "again"
    )


def _field(fields: dict[str, str], key: str, name: str) -> str:
    if key not in fields:
        raise FormatError(f"{name}: its header states no {key}; export it again")
    return fields[key]


def _header_size(fields: dict[str, str], name: str) -> int:
    size = whole(fields.get("headersize", "0"), f"{name}: HeaderSize")
    if size < -1:
        raise FormatError(f"{name}: HeaderSize is {size}, expected -1 or more; export it again")
    return size


def _flag(fields: dict[str, str], *keys: str) -> bool | None:
    """The first of some keys as true or false, None where none of them is stated."""
    value = next((fields[key] for key in keys if key in fields), None)
    return None if value is None else value[:1].lower() in ("t", "y", "1")


def _dtype(fields: dict[str, str], name: str) -> np.dtype:
    kind = _field(fields, "elementtype", name).lower()
    if kind not in _TYPES:
        raise FormatError(f"{name}: ElementType {kind[:40]!r}, expected integers or floats; export it again")
    big = _flag(fields, "elementbyteordermsb", "binarydatabyteordermsb")
    return np.dtype((">" if big else "<") + _TYPES[kind])


def _encoding(fields: dict[str, str], name: str) -> tuple[str, int | None]:
    """How the numbers are stored, and in how many bytes if that is stated."""
    if _flag(fields, "compresseddata"):
        if "compresseddatasize" not in fields:
            return "zlib", None
        size = whole(fields["compresseddatasize"], f"{name}: CompressedDataSize")
        if size < 0:
            raise FormatError(f"{name}: CompressedDataSize is {size}, expected at least 0; export it again")
        return "zlib", size or None
    return ("raw" if _flag(fields, "binarydata") is not False else "text"), None


def _lattice(fields: dict[str, str], n: int, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spacing, origin and direction; each row of the file's matrix is an axis."""
    found = {
        what: next((numbers(fields[key], None, f"{name}: {key}") for key in keys if key in fields), None)
        for what, keys in _LATTICE.items()
    }
    spacing = np.ones(n) if found["spacing"] is None else found["spacing"]
    origin = np.zeros(n) if found["origin"] is None else found["origin"]
    axes = np.eye(n).ravel() if found["axes"] is None else found["axes"]
    if spacing.shape != (n,) or origin.shape != (n,) or axes.shape != (n * n,):
        raise FormatError(f"{name}: its lattice does not have {n} axes like its numbers; export it again")
    return spacing, origin, axes.reshape(n, n).T
