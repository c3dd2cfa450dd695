"""The kind of a file, recognised by its first bytes."""

from __future__ import annotations

import codecs
from pathlib import Path

from .parsing import open_regular

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"NRRD0", "NRRD"),
    (b"ObjectType", "MetaImage"),
    (b"NDims", "MetaImage"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "NumPy"),
    (b"MATLAB 5.0 MAT-file", "MATLAB 5"),
    (b"MATLAB 7.3 MAT-file", "MATLAB 7.3"),
    (b"#Insight Transform File", "ITK transform"),
    (b"%YAML", "YAML"),
    (b"\x5c\1\0\0", "NIfTI"),
    (b"\0\0\1\x5c", "NIfTI"),
    (b"<", "XML"),
)
"""The first bytes of every kind of file that IXGS reads or names in messages."""
TEXT_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Text encodings by their byte order marks."""
BINARY = ("JPEG", "GIF", "BMP", "PDF", "ZIP", "gzip", "HDF5", "NumPy", "MATLAB 5", "MATLAB 7.3", "NIfTI")
"""The kinds of files that are neither text nor X-rays."""
TEXT, UNKNOWN = "a text file", "content of no known kind"
"""The results of `sniff` for files without a signature."""


def head(path: Path, count: int = 512) -> bytes:
    """The first bytes of a file; raises FormatError when it cannot be opened."""
    with open_regular(path) as file:
        return file.read(count)


def sniff(start: bytes) -> str:
    """The kind of a file that begins with these bytes, worded for a message if there is no reader for it."""
    if not start:
        return "an empty file (0 bytes)"
    if start[128:132] == b"DICM" or _bare_dicom(start):
        return "DICOM"
    for signature, kind in SIGNATURES:
        if start.startswith(signature):
            return kind
    if not _is_text(start):
        return UNKNOWN
    text = _marked(start).lstrip()
    return next((kind for signature, kind in SIGNATURES if text.startswith(signature)), TEXT)


def _marked(start: bytes) -> bytes:
    """The beginning of a text in UTF-8, whatever encoding its byte order mark announces."""
    for mark, encoding in TEXT_MARKS.items():
        if start.startswith(mark):
            return start.decode(encoding, errors="ignore").encode()
    return start


def _bare_dicom(start: bytes) -> bool:
    """Whether the bytes are DICOM elements without the preamble, as old archives write them."""
    return start[:2] in (b"\x02\0", b"\x08\0") and start[2:4] in (b"\0\0", b"\x05\0", b"\x08\0", b"\x16\0")


def _is_text(start: bytes) -> bool:
    if start.startswith(tuple(TEXT_MARKS)):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(byte >= 32 or byte in b"\t\r\n\f" for byte in start)
