"""The kinds of files that X-rays are read from."""

from __future__ import annotations

from pathlib import Path

from ..errors import NotAnImage
from ..sniffing import head, sniff

SUFFIXES = {
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
}
READABLE = ("PNG", "TIFF", "NRRD", "DICOM", "MetaImage")
"""The kinds of files that X-rays are read from."""


def image_kind(path: Path) -> str:
    """One of READABLE, recognised by the first bytes.

    Raises FormatError when the file cannot be opened, NotAnImage when it is of another kind or does not match its
    suffix.
    """
    found = sniff(head(path))
    promised = SUFFIXES.get(path.suffix.lower())
    if found not in READABLE:
        raise NotAnImage(
            f"{path.name}: {found}, expected {promised or ', '.join(READABLE)}; export the X-ray again as DICOM, "
            "16-bit PNG or TIFF"
        )
    if promised is not None and promised != found:
        raise NotAnImage(f"{path.name}: holds {found}, its name promises {promised}; correct the suffix")
    return found
