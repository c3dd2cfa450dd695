"""DICOM objects: which of them are X-ray projections, and opening one."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from ...errors import FormatError, NotAnImage, TruncatedFile
from ...parsing import MAX_IMAGE_BYTES, check_file, check_inflated, parsing

DAMAGE = (
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
"""Exceptions that pydicom raises for truncated or damaged files."""
MAX_INFLATED_BYTES = 2**28
"""Most bytes of a deflated file, which pydicom inflates as a whole."""
_META_BYTES = 2**16
"""Bytes from the start of a file that contain its meta information."""
_STORAGE = "1.2.840.10008.5.1.4.1.1."
SECONDARY_CAPTURES = frozenset(_STORAGE + end for end in ("7", "7.2", "7.3", "7.4"))
"""Screen copies and digitised films (PS3.3 A.8)."""
ANGIOGRAPHIC = frozenset(_STORAGE + end for end in ("12.1", "12.1.1", "12.2", "12.2.1", "12.3"))
"""X-ray angiography and radiofluoroscopy, single and enhanced (PS3.3 A.14, A.16, A.47, A.48)."""
PROJECTIONS = (
    SECONDARY_CAPTURES
    | ANGIOGRAPHIC
    | {_STORAGE + end for end in ("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "13.1.4", "13.1.5", "481.1")}
)
"""SOP classes of X-ray projections: CR, DX, mammography, intra-oral, breast projections and RT images as well."""
_VOLUMES = frozenset(
    _STORAGE + end
    for end in ("2", "2.1", "2.2", "4", "4.1", "4.4", "20", "128", "128.1", "130", "481.2")
    + ("13.1.1", "13.1.2", "13.1.3")
)
"""SOP classes of reconstructed slices and volumes: CT, MR, PET, dose, 3D images of C-arms, tomosynthesis."""
_OTHER_MODALITIES = frozenset(
    ("CT", "MR", "PT", "NM", "US", "IVUS", "OCT", "SEG", "REG", "PR", "SR", "KO", "AU", "DOC", "PLAN")
    + ("RTDOSE", "RTSTRUCT", "RTPLAN", "RTRECORD", "ECG", "HD", "SM", "XC", "ES", "GM")
)
_JPIP = frozenset("1.2.840.10008.1.2.4." + end for end in ("94", "95", "204", "205"))
"""Transfer syntaxes whose pixels are fetched from a server."""
EXPECTED = "an X-ray projection (XA, RF, DX, CR, RT image)"


def open_dataset(path: Path) -> Dataset:
    """The header and undecoded pixels of an X-ray.

    Raises TruncatedFile where the pixels are missing, FormatError where they are on a server, and NotAnImage for an
    object that is no X-ray projection.
    """
    name = path.name
    dataset = _parsed(path)
    with parsing(name):
        check_projection(dataset, name)
    if "PixelData" not in dataset:
        raise TruncatedFile(
            f"{name}: {path.stat().st_size} bytes of DICOM that end before the pixel data, expected at least "
            f"{_bytes_of_a_frame(dataset)} bytes of pixels; copy the file again"
        )
    return dataset


def open_header(path: Path) -> Dataset:
    """The attributes of an X-ray without its pixels; raises like `open_dataset`, except for missing pixels."""
    dataset = _parsed(path, header_only=True)
    with parsing(path.name):
        check_projection(dataset, path.name)
    return dataset


def sop_class(dataset: Dataset) -> str:
    """The SOP class UID, from the file's meta information where the dataset states none, as in a DICOMDIR."""
    stated = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    return str(stated or "")


def check_projection(dataset: Dataset, name: str) -> None:
    """Raises NotAnImage for an object whose SOP class or modality is not that of an X-ray projection."""
    kind = UID(sop_class(dataset))
    known = bool(kind) and kind.name != str(kind)
    if known and kind not in PROJECTIONS:
        what = ", a reconstructed volume" if kind in _VOLUMES else ""
        raise NotAnImage(f"{name}: DICOM object '{kind.name}'{what}, expected {EXPECTED}; choose another file")
    modality = str(dataset.get("Modality") or "")
    if modality in _OTHER_MODALITIES:
        raise NotAnImage(f"{name}: DICOM of modality {modality}, expected {EXPECTED}; choose another file")
    if not known and (kind or modality) and "Rows" not in dataset:
        raise NotAnImage(f"{name}: DICOM object without an image, expected {EXPECTED}; choose another file")


def _parsed(path: Path, header_only: bool = False) -> Dataset:
    check_file(path, MAX_IMAGE_BYTES)
    name = path.name
    _refuse_pixels_elsewhere(path)
    try:
        _check_deflated(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=header_only)
            dataset.get("SOPClassUID"), dataset.get("Modality")
    except DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise FormatError(f"{name}: cannot be opened ({error.strerror}); check the path") from None
        raise TruncatedFile(
            f"{name}: {path.stat().st_size} bytes of DICOM that end or break in the header; copy it again"
        ) from None
    return dataset


def _refuse_pixels_elsewhere(path: Path) -> None:
    """Raises FormatError for a file that names a server in place of its pixels (PS3.5 8.4, A.6, A.7, A.11, A.12)."""
    try:
        syntax = str(read_file_meta_info(path).get("TransferSyntaxUID") or "")
    except DAMAGE:
        return
    if syntax in _JPIP:
        raise FormatError(
            f"{path.name}: its pixels are not in the file but on a server (JPIP, transfer syntax {syntax}); export the "
            "X-ray from there with its pixels, uncompressed"
        )


def _check_deflated(path: Path) -> None:
    """Raises FormatError for a deflated file that inflates to more than MAX_INFLATED_BYTES: pydicom does it at once."""
    with path.open("rb") as file:
        if DeflatedExplicitVRLittleEndian.encode() not in file.read(_META_BYTES):
            return
        file.seek(0)
        pydicom.filereader.read_preamble(file, force=True)
        pydicom.filereader.read_dataset(
            file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, *_: tag.group != 2
        )
        check_inflated([file.read()], MAX_INFLATED_BYTES, path.name, -zlib.MAX_WBITS)


def _bytes_of_a_frame(dataset: Dataset) -> int:
    """The size of a frame in bytes according to the part of the header that was read, at least 1."""
    return max(1, int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0) * 2)
