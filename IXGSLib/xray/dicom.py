"""DICOM X-rays, read with pydicom alone: other readers invert MONOCHROME1 and accept headers that lie.

What measures is the stored value after the Modality LUT or rescale. Window and VOI LUT are how somebody looked at the
image: they clip and bend, and are never applied. Messages hold file names and tags without a person in them.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import apply_modality_lut, get_decoder, pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..errors import FormatError, IXGSWarning, NotAnImage, TruncatedFile
from .pixels import Pixels, Scale, check_size, choose_frame, grey, warn_if_shallow

_DAMAGE = (
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "RGB")
_NO_PROJECTION = ("CT", "MR", "PT", "NM", "US")
_SCALES: dict[str, Scale] = {"LIN": "linear", "LOG": "log", "DISP": "display"}


def read(path: Path, frame: int | None = None) -> Pixels:
    """The pixels of one frame of an X-ray, growing with intensity unless the file's sign says otherwise.

    MONOCHROME1 shows low values bright: where no PixelIntensityRelationshipSign states the sense, it is inverted.
    Raises TruncatedFile, NotAnImage and FormatError; warns of 8 bits, lossy compression and display processing.
    """
    name = path.name
    dataset = open_dataset(path)
    size = _size(dataset, name)
    photometric = _photometric(dataset, name)
    chosen = choose_frame(_frames(dataset, name), frame, name)
    stored = grey(_decode(dataset, chosen, size, path), name)
    sign = _sign(dataset, name)
    values, limits = _measured(stored, dataset, name)
    if photometric == "MONOCHROME1" and sign is None:
        values = limits[0] + limits[1] - values
    _warn_of_losses(dataset, name)
    return Pixels(values, limits, _scale(dataset, name), sign)


def frame_count(path: Path) -> int:
    """NumberOfFrames, 1 where it is not stated."""
    return _frames(open_dataset(path), path.name)


def open_dataset(path: Path) -> Dataset:
    """The header and undecoded pixels; raises TruncatedFile without pixels and NotAnImage for another object."""
    name = path.name
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
            kind, modality = dataset.get("SOPClassUID", ""), dataset.get("Modality", "")
    except _DAMAGE:
        raise TruncatedFile(
            f"{name}: {len(data)} bytes of DICOM that end or break in the header; copy it again"
        ) from None
    if modality in _NO_PROJECTION:
        raise NotAnImage(f"{name}: DICOM of modality {modality}, expected an X-ray (XA, RF, DX, CR); choose another")
    if "PixelData" not in dataset:
        if kind and "Image" not in UID(kind).name and UID(kind).name != kind:
            raise NotAnImage(f"{name}: DICOM object '{UID(kind).name}', expected an X-ray image; choose another file")
        raise TruncatedFile(
            f"{name}: {len(data)} bytes of DICOM that end before the pixel data, expected at least "
            f"{_bytes_of_a_frame(dataset)} bytes of pixels; copy the file again"
        )
    return dataset


def _bytes_of_a_frame(dataset: Dataset) -> int:
    """What the part of the header that is there asks for, 1 while it says nothing."""
    return max(1, int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0) * 2)


def _integer(dataset: Dataset, keyword: str, name: str, default: int | None = None) -> int:
    value = dataset.get(keyword)
    if value in (None, "") and default is not None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise FormatError(
            f"{name}: DICOM without a usable {keyword}, expected a whole number; export it again"
        ) from None


def _frames(dataset: Dataset, name: str) -> int:
    count = _integer(dataset, "NumberOfFrames", name, 1)
    if count < 1:
        raise FormatError(f"{name}: NumberOfFrames is {count}, expected at least 1; export it again")
    return count


def _size(dataset: Dataset, name: str) -> tuple[int, int]:
    """(width, height) that the header promises, after the checks that must come before decoding."""
    width, height = _integer(dataset, "Columns", name), _integer(dataset, "Rows", name)
    check_size(width, height, name)
    allocated, used = _integer(dataset, "BitsAllocated", name), _integer(dataset, "BitsStored", name)
    high = _integer(dataset, "HighBit", name, used - 1)
    if allocated not in (8, 16, 32) or not 1 <= used <= allocated or high != used - 1:
        raise FormatError(
            f"{name}: BitsAllocated {allocated}, BitsStored {used}, HighBit {high}, expected the low bits of 8, 16 or "
            "32; export it again"
        )
    return width, height


def _photometric(dataset: Dataset, name: str) -> str:
    found = str(dataset.get("PhotometricInterpretation") or "missing")
    if found not in _PHOTOMETRIC:
        raise FormatError(
            f"{name}: PhotometricInterpretation is {found}, expected one of {', '.join(_PHOTOMETRIC)}; "
            "export the raw X-ray in grey"
        )
    return found


def _decode(dataset: Dataset, frame: int, size: tuple[int, int], path: Path) -> np.ndarray:
    """The stored values of one frame, (height, width) or (height, width, 3), without overlays in unused high bits."""
    name = path.name
    syntax = _transfer_syntax(dataset, name)
    if syntax.is_encapsulated:
        _check_decoder(syntax, name)
    else:
        _check_length(dataset, size, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = pixel_array(dataset, index=frame, raw=True)
    except _DAMAGE:
        raise TruncatedFile(
            f"{name}: {len(dataset.PixelData)} bytes of pixel data that cannot be decoded to {size[0]} x {size[1]} "
            "pixels; copy the file again or export it uncompressed"
        ) from None
    if array.shape[:2] != size[::-1]:
        raise FormatError(f"{name}: decodes to shape {array.shape}, its header says {size[0]} x {size[1]} pixels")
    return array


def _transfer_syntax(dataset: Dataset, name: str) -> UID:
    """How the pixels are encoded; files without a preamble do not say it, they are never compressed."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = plain
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if not syntax.is_transfer_syntax or syntax.is_private:
        raise FormatError(f"{name}: its transfer syntax is not of the DICOM standard; export it uncompressed")
    return syntax


def _check_length(dataset: Dataset, size: tuple[int, int], name: str) -> None:
    """Raises when Rows x Columns x frames does not account for the bytes; one byte of padding is allowed."""
    samples, frames = _integer(dataset, "SamplesPerPixel", name), _frames(dataset, name)
    expected = size[0] * size[1] * samples * frames * (dataset.BitsAllocated // 8)
    found = len(dataset.PixelData)
    message = (
        f"{name}: {found} bytes of pixel data, expected {expected} ({size[0]} x {size[1]} pixels, {frames} frames, "
        f"{dataset.BitsAllocated} bits); the file is cut or its header wrong: copy or export it again"
    )
    if found < expected:
        raise TruncatedFile(message)
    if found > expected + expected % 2:
        raise FormatError(message)


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


def _measured(stored: np.ndarray, dataset: Dataset, name: str) -> tuple[np.ndarray, tuple[float, float]]:
    """Values after Modality LUT or rescale, and the range that they can take."""
    bits = int(dataset.BitsStored)
    warn_if_shallow(2**bits - 1, name)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dataset.get("PixelRepresentation") else (0, 2**bits - 1)
    if dataset.get("RescaleSlope") == 0:
        raise FormatError(f"{name}: RescaleSlope is 0, expected another number; export it again")
    try:
        values = apply_modality_lut(stored, dataset).astype(np.float64)
        if dataset.get("ModalityLUTSequence"):
            return values, (0.0, 2.0 ** int(dataset.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
        ends = apply_modality_lut(np.array([low, high], dtype=np.int64), dataset).astype(np.float64)
    except _DAMAGE:
        raise FormatError(f"{name}: its Modality LUT or rescale cannot be applied; export it again") from None
    return values, (float(ends.min()), float(ends.max()))


def _sign(dataset: Dataset, name: str) -> int | None:
    sign = dataset.get("PixelIntensityRelationshipSign")
    if sign not in (None, 1, -1):
        raise FormatError(f"{name}: PixelIntensityRelationshipSign is {sign}, expected 1 or -1; export it again")
    return sign


def _scale(dataset: Dataset, name: str) -> Scale:
    """How values follow the intensity; a Modality LUT on LOG pixels leads back to linear (PS3.3 C.8.7.1.1.2)."""
    relationship = str(dataset.get("PixelIntensityRelationship") or "")
    scale = _SCALES.get(relationship, "unknown")
    if scale == "log" and dataset.get("ModalityLUTSequence"):
        return "linear"
    if scale == "unknown":
        warnings.warn(
            f"{name}: does not state PixelIntensityRelationship as LIN, LOG or DISP; its pixels are taken for what the "
            "case says they are",
            IXGSWarning,
            stacklevel=2,
        )
    return scale


def _warn_of_losses(dataset: Dataset, name: str) -> None:
    shown = dataset.get("PixelIntensityRelationship") == "DISP"
    if shown or dataset.get("PresentationIntentType") == "FOR PRESENTATION":
        warnings.warn(
            f"{name}: processed for display, line integrals from it are rough; export the image 'for processing'",
            IXGSWarning,
            stacklevel=2,
        )
    if dataset.get("LossyImageCompression") == "01":
        warnings.warn(f"{name}: lossy compression, detail is lost; export it lossless", IXGSWarning, stacklevel=2)
