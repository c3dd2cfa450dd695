"""The reader of a raster file's header, chosen by its content."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from ..errors import FormatError, NotAnImage
from ..sniffing import sniff
from . import metaimage, nrrd
from .raster import Raster

_METAIMAGE = (b"ObjectType", b"NDims", b"Comment", b"ID", b"Name", b"BinaryData")
"""First keys of MetaImage headers."""


def read_header(path: Path, attached: bool = False) -> Raster:
    """The checked header of a NRRD or MetaImage file.

    attached: whether the numbers must be in the same file; another one would be neither checked nor hashed.
    Raises NotAnImage, TruncatedFile and FormatError that name the file.
    """
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be opened ({error.strerror}); check the path") from error
    if start.startswith(b"NRRD"):
        module: ModuleType = nrrd
    elif start.lstrip().startswith(_METAIMAGE):
        module = metaimage
    else:
        raise NotAnImage(
            f"{path.name}: starts with {start[:12]!r} ({sniff(start)}), expected a NRRD or MetaImage file; export it "
            "again"
        )
    if attached and module.has_data_file(path):
        raise FormatError(f"{path.name}: its pixels lie in another file; save header and pixels as one .nrrd or .mha")
    header: Raster = module.read_header(path)
    return header
