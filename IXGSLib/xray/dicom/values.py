"""From stored DICOM values to detector measurements: tables, rescale, polarity and the scale of the result.

Display tables (VOI, presentation) clip and distort the values, and are never applied.
"""

from __future__ import annotations

import warnings

import numpy as np
from pydicom.dataset import Dataset

from ...errors import FormatError, IXGSWarning
from ..pixels import Pixels, Scale, warn_if_shallow
from .decoding import stored_range
from .groups import FrameTags
from .objects import ANGIOGRAPHIC, DAMAGE, sop_class

_SCALES: dict[str, Scale] = {"LIN": "linear", "LOG": "log", "DISP": "display"}


def measured(stored: np.ndarray, tags: FrameTags, field: np.ndarray | None) -> Pixels:
    """The pixels of a frame from its stored values (height, width).

    A table that converts back to beam intensity settles the polarity. Otherwise the polarity is the stated sign,
    reversed by a falling table or rescale; without a sign, pixels that are displayed inverted are inverted.
    Raises FormatError for tables and signs that cannot be used; warns where the scale is not stated.
    """
    low, high = stored_range(tags)
    warn_if_shallow(high - low, tags.name)
    table = intensity_table(tags)
    sign = _sign(tags)
    if table is not None:
        values, limits, direction = _through_table(stored, table, tags)
        if sign is not None and sign * direction < 0:
            _warn(
                f"{tags.name}: its table of beam intensities contradicts PixelIntensityRelationshipSign {sign}; "
                "the table is used, check that bone has the lower intensity"
            )
        return Pixels(values, limits, "linear", 1, field)
    values, limits, direction = _transformed(stored, tags)
    if sign is None and displayed_inverted(tags):
        values = limits[0] + limits[1] - values
    return Pixels(values, limits, _scale(tags), None if sign is None else sign * direction, field)


def intensity_table(tags: FrameTags) -> Dataset | None:
    """The item with the table that converts stored values to beam intensity, if the image has one.

    Enhanced XA and XRF mark it as TO_LINEAR (PS3.3 C.7.6.16.2.13). The Modality LUT of XA and XRF has no other purpose
    (C.8.7.1.1.2), nor has that of logarithmic pixels of any other class.
    """
    for item in tags.get("PixelIntensityRelationshipLUTSequence") or ():
        if str(item.get("LUTFunction") or "") == "TO_LINEAR":
            return item
    items = tags.get("ModalityLUTSequence")
    if items and (sop_class(tags.dataset) in ANGIOGRAPHIC or tags.text("PixelIntensityRelationship") == "LOG"):
        return items[0]
    return None


def stated_scale(tags: FrameTags) -> Scale:
    """The stated relation of the pixels to beam intensity, after a table that converts them to it."""
    if intensity_table(tags) is not None:
        return "linear"
    return _SCALES.get(tags.text("PixelIntensityRelationship"), "unknown")


def displayed_inverted(tags: FrameTags) -> bool:
    """Whether low values are displayed bright.

    MONOCHROME1 and the presentation LUT shape INVERSE describe the same inversion, not two (PS3.3 C.8.11.3.1.2).
    """
    return tags.text("PhotometricInterpretation") == "MONOCHROME1" or tags.text("PresentationLUTShape") == "INVERSE"


def _scale(tags: FrameTags) -> Scale:
    scale = stated_scale(tags)
    if scale == "unknown":
        _warn(
            f"{tags.name}: does not state PixelIntensityRelationship as LIN, LOG or DISP; its pixels are interpreted "
            "as the case says"
        )
    return scale


def _sign(tags: FrameTags) -> int | None:
    sign = tags.number("PixelIntensityRelationshipSign")
    if sign not in (None, 1, -1):
        raise FormatError(f"{tags.name}: PixelIntensityRelationshipSign is {sign:g}, expected 1 or -1; export it again")
    return None if sign is None else int(sign)


Transformed = tuple[np.ndarray, tuple[float, float], int]
"""Values, the range that they can take, and +1 where they rise with the stored values, -1 where they fall."""


def _transformed(stored: np.ndarray, tags: FrameTags) -> Transformed:
    """The values after Modality LUT or rescale (PS3.3 C.11.1)."""
    items = tags.get("ModalityLUTSequence")
    if items:
        return _through_table(stored, items[0], tags)
    slope, intercept = tags.number("RescaleSlope"), tags.number("RescaleIntercept")
    slope, intercept = 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
    if slope == 0:
        raise FormatError(f"{tags.name}: RescaleSlope is 0, expected another number; export it again")
    ends = sorted(slope * end + intercept for end in stored_range(tags))
    return stored * slope + intercept, (ends[0], ends[1]), 1 if slope > 0 else -1


def _through_table(stored: np.ndarray, item: Dataset, tags: FrameTags) -> Transformed:
    """The table's entries; values beyond the table get its first or last entry (PS3.3 C.11.1.1)."""
    try:
        count, first, bits = (int(number) for number in item.LUTDescriptor)
        entries = _entries(item, bits, tags)
    except DAMAGE:
        raise FormatError(f"{tags.name}: its Modality LUT cannot be applied; export it again") from None
    count = count % 2**16 or 2**16  # 16 bits, which read as signed where the pixels are
    if entries.size != count:
        raise FormatError(
            f"{tags.name}: its Modality LUT has {entries.size} entries, its descriptor says {count}; export it again"
        )
    if tags.get("PixelRepresentation") and first >= 2**15:
        first -= 2**16
    index = np.clip(stored.astype(np.int64) - first, 0, entries.size - 1)
    used = entries[index.min() : index.max() + 1]
    return entries[index], (0.0, 2.0**bits - 1), 1 if used[-1] >= used[0] else -1


def _entries(item: Dataset, bits: int, tags: FrameTags) -> np.ndarray:
    """The table as float64, whether its VR stores bytes or numbers."""
    data = item.LUTData
    if not isinstance(data, bytes):
        return np.asarray(data, dtype=np.float64).ravel()
    if bits <= 8 and len(data) <= int(item.LUTDescriptor[0]) + 1:
        return np.frombuffer(data, np.uint8)[: int(item.LUTDescriptor[0])].astype(np.float64)
    order = "<" if tags.dataset.original_encoding[1] is not False else ">"
    return np.frombuffer(data, f"{order}u2").astype(np.float64)


def _warn(message: str) -> None:
    warnings.warn(message, IXGSWarning, stacklevel=3)
