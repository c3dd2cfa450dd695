"""The stored values of one DICOM frame, checked against the header."""

from __future__ import annotations

import re
import warnings

import numpy as np
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ...errors import FormatError, TruncatedFile
from ..pixels import check_size, grey
from .groups import FrameTags
from .objects import DAMAGE

_MAX_FRAME_HEADER = 2**16
"""Bytes of tables and comments that a compressed frame may have beside its pixels."""
_STANDARD_PHOTOMETRIC = re.compile("missing|MONOCHROME[0-9]|PALETTE COLOR|A?RGB|HSV|CMYK|XYB|YBR_[A-Z0-9_]{3,24}")
"""What may be shown of a tag that could hold anything, a patient's name included."""
_PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422")


def count_frames(tags: FrameTags) -> int:
    """NumberOfFrames, 1 where it is not stated; raises FormatError for a number below 1."""
    count = tags.integer("NumberOfFrames", 1)
    if count < 1:
        raise FormatError(f"{tags.name}: NumberOfFrames is {count}, expected at least 1; export it again")
    return count


def decode(tags: FrameTags) -> np.ndarray:
    """The stored values of the frame, (height, width), before any table and without overlays in unused high bits.

    Colour whose channels agree is grey. Raises TruncatedFile and FormatError.
    """
    size = _size(tags)
    colour = _photometric(tags).startswith("YBR")
    syntax = _transfer_syntax(tags)
    if syntax.is_encapsulated:
        _check_decoder(syntax, tags.name)
        _check_packed_length(tags, size)
    elif not colour:
        _check_length(tags, size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = pixel_array(tags.dataset, index=tags.frame, raw=not colour)
    except DAMAGE:
        raise TruncatedFile(
            f"{tags.name}: {len(tags.dataset.PixelData)} bytes of pixel data that cannot be decoded to "
            f"{size[0]} x {size[1]} pixels; copy the file again or export it uncompressed"
        ) from None
    if array.shape[:2] != size[::-1]:
        raise FormatError(f"{tags.name}: decodes to shape {array.shape}, its header says {size[0]} x {size[1]} pixels")
    return grey(array, tags.name)


def stored_range(tags: FrameTags) -> tuple[int, int]:
    """The smallest and the largest stored value that BitsStored and PixelRepresentation allow."""
    bits = tags.integer("BitsStored")
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if tags.get("PixelRepresentation") else (0, 2**bits - 1)


def _size(tags: FrameTags) -> tuple[int, int]:
    """(width, height) according to the header, after the checks that must precede decoding."""
    width, height = tags.integer("Columns"), tags.integer("Rows")
    check_size(width, height, tags.name)
    allocated, used = tags.integer("BitsAllocated"), tags.integer("BitsStored")
    high = tags.integer("HighBit", used - 1)
    if allocated not in (8, 16, 32) or not 1 <= used <= allocated or high != used - 1:
        raise FormatError(
            f"{tags.name}: BitsAllocated {allocated}, BitsStored {used}, HighBit {high}, expected values in the low "
            "bits of 8, 16 or 32 (HighBit is one less than BitsStored, PS3.5 8.1.1); export it again with a current "
            "version of the software"
        )
    return width, height


def _photometric(tags: FrameTags) -> str:
    found = tags.text("PhotometricInterpretation") or "missing"
    if found not in _PHOTOMETRIC:
        shown = found if _STANDARD_PHOTOMETRIC.fullmatch(found) else "none of the standard's"
        raise FormatError(
            f"{tags.name}: PhotometricInterpretation is {shown}, expected one of {', '.join(_PHOTOMETRIC)}; "
            "export the raw X-ray in grey"
        )
    return found


def _transfer_syntax(tags: FrameTags) -> UID:
    """The encoding of the pixels; files without a preamble do not state it and are never compressed."""
    dataset = tags.dataset
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = plain
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if not syntax.is_transfer_syntax or syntax.is_private:
        raise FormatError(f"{tags.name}: its transfer syntax is not of the DICOM standard; export it uncompressed")
    return syntax


def _check_length(tags: FrameTags, size: tuple[int, int]) -> None:
    """Raises unless the number of bytes is that of Rows x Columns x frames; one byte of padding is allowed."""
    samples, frames, bits = tags.integer("SamplesPerPixel"), count_frames(tags), tags.integer("BitsAllocated")
    expected = size[0] * size[1] * samples * frames * (bits // 8)
    found = len(tags.dataset.PixelData)
    message = (
        f"{tags.name}: {found} bytes of pixel data, expected {expected} ({size[0]} x {size[1]} pixels, {frames} "
        f"frames, {bits} bits); the file is truncated or its header is wrong: copy or export it again"
    )
    if found < expected:
        raise TruncatedFile(message)
    if found > expected + expected % 2:
        raise FormatError(message)


def _check_packed_length(tags: FrameTags, size: tuple[int, int]) -> None:
    """Raises for compressed pixels that take more than twice the space of the pixels, as no export writes them."""
    samples, bits = tags.integer("SamplesPerPixel"), tags.integer("BitsAllocated")
    if samples not in (1, 3):
        raise FormatError(f"{tags.name}: {samples} samples per pixel, expected 1 or 3; export it again")
    limit = count_frames(tags) * (2 * size[0] * size[1] * samples * bits // 8 + _MAX_FRAME_HEADER)
    if len(tags.dataset.PixelData) > limit:
        raise FormatError(
            f"{tags.name}: {len(tags.dataset.PixelData)} bytes of compressed pixels, expected at most {limit} for "
            f"{size[0]} x {size[1]}; export it again"
        )


def _check_decoder(syntax: UID, name: str) -> None:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise FormatError(
            f"{name}: compressed as {syntax.name}, which cannot be read; export it uncompressed"
        ) from None
    if not decoder.is_available:
        raise FormatError(
            f"{name}: compressed as {syntax.name}, no decoder is installed (one of: "
            f"{'; '.join(decoder.missing_dependencies)}); install python-gdcm with pip install 'IXGSLib[dicom]', "
            "or export the X-ray uncompressed"
        )
