"""The field of view that DICOM attributes describe: collimator, shutters, round detectors and padding.

Rows and columns in these attributes count from 1, and the edges that they name belong to the field.
"""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image, ImageDraw

from ...errors import IXGSWarning
from .decoding import stored_range
from .groups import FrameTags
from .objects import DAMAGE


def field_of_view(stored: np.ndarray, tags: FrameTags) -> np.ndarray | None:
    """(height, width) bool, True inside the field of view; None without such attributes.

    stored: (height, width) the stored values, before any table.
    Attributes that would leave no pixel are ignored with a warning.
    """
    parts = {
        "collimator": _outlined("Collimator", stored.shape, tags),
        "display shutter": _outlined("Shutter", stored.shape, tags),
        "bitmap shutter": _bitmap_shutter(stored.shape, tags),
        "round field of view": _round_field(stored.shape, tags),
        "pixel padding": _measured_pixels(stored, tags),
    }
    field = None
    for what, part in parts.items():
        if part is None:
            continue
        both = part if field is None else field & part
        if not both.any():
            _warn(f"{tags.name}: its {what} leaves no pixel and is not used; check the image's field of view", 3)
            continue
        field = both
    return field


def _outlined(what: str, shape: tuple[int, ...], tags: FrameTags) -> np.ndarray | None:
    """The intersection of all stated outlines of a collimator (PS3.3 C.8.7.3) or display shutter (C.7.6.11)."""
    shapes = tags.texts(f"{what}Shape") or ("RECTANGULAR",)
    outlines = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}
    fields = [outlines[name](what, shape, tags) for name in shapes if name in outlines]
    stated = [field for field in fields if field is not None]
    if len(stated) < len(fields) and tags.texts(f"{what}Shape"):
        _warn(f"{tags.name}: its {what.lower()} is {' and '.join(shapes)} without a position; it is not used", 4)
    return np.logical_and.reduce(stated) if stated else None


def _rectangle(what: str, shape: tuple[int, ...], tags: FrameTags) -> np.ndarray | None:
    keywords = ("UpperHorizontalEdge", "LowerHorizontalEdge", "LeftVerticalEdge", "RightVerticalEdge")
    edges = [tags.number(f"{what}{keyword}") for keyword in keywords]
    if all(edge is None for edge in edges):
        return None
    ends = (1, shape[0], 1, shape[1])
    stated = [end if edge is None else edge for edge, end in zip(edges, ends, strict=True)]
    (top, bottom), (left, right) = sorted(stated[:2]), sorted(stated[2:])  # images that were flipped exchange them
    row, column = _counted_from_one(shape)
    return (row >= top) & (row <= bottom) & (column >= left) & (column <= right)


def _circle(what: str, shape: tuple[int, ...], tags: FrameTags) -> np.ndarray | None:
    """The radius is in pixels along a row; with pixels that are not square the circle is an ellipse in pixels."""
    center, radius = tags.numbers(f"CenterOfCircular{what}"), tags.number(f"RadiusOfCircular{what}")
    if len(center) != 2 or radius is None:
        return None
    row, column = _counted_from_one(shape)
    return ((row - center[0]) * aspect_ratio(tags)) ** 2 + (column - center[1]) ** 2 <= radius**2


def _polygon(what: str, shape: tuple[int, ...], tags: FrameTags) -> np.ndarray | None:
    vertices = tags.numbers(f"VerticesOfThePolygonal{what}")
    if len(vertices) < 6 or len(vertices) % 2:
        return None
    points = [(column - 1, row - 1) for row, column in zip(vertices[::2], vertices[1::2], strict=True)]
    canvas = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(canvas).polygon(points, fill=1, outline=1)
    return np.array(canvas, dtype=bool)


def _bitmap_shutter(shape: tuple[int, ...], tags: FrameTags) -> np.ndarray | None:
    """The pixels that the overlay of a bitmap display shutter leaves visible (PS3.3 C.7.6.15)."""
    group = tags.get("ShutterOverlayGroup")
    if "BITMAP" not in tags.texts("ShutterShape") or group is None:
        return None
    try:
        return ~_overlay(int(group), shape, tags)
    except DAMAGE:
        _warn(f"{tags.name}: the overlay of its bitmap shutter cannot be read and is not used", 4)
        return None


def _overlay(group: int, shape: tuple[int, ...], tags: FrameTags) -> np.ndarray:
    """(height, width) bool: what an overlay sets in the frame (PS3.3 C.9.2, C.9.3), which it may cover in part.

    One of a single frame holds for all frames of the image. Raises one of DAMAGE where there is none.
    """
    bits = np.asarray(tags.dataset.overlay_array(group), dtype=bool)
    if bits.ndim == 3:
        first = tags.dataset.get((group, 0x51))
        number = tags.frame + 1 - (1 if first is None else int(first.value))
        bits = bits[number] if 0 <= number < len(bits) else np.zeros_like(bits[0])
    origin = tags.dataset.get((group, 0x50))
    top, left = (0, 0) if origin is None else (int(end) - 1 for end in origin.value)
    row, column = np.ogrid[-top : shape[0] - top, -left : shape[1] - left]
    inside = (row >= 0) & (row < bits.shape[0]) & (column >= 0) & (column < bits.shape[1])
    return inside & bits[np.clip(row, 0, bits.shape[0] - 1), np.clip(column, 0, bits.shape[1] - 1)]


def _round_field(shape: tuple[int, ...], tags: FrameTags) -> np.ndarray | None:
    """The round field of an image intensifier around the centre of the image (PS3.3 C.8.7.5, C.8.11.4)."""
    diameter = tags.numbers("FieldOfViewDimensionsInFloat") or tags.numbers("FieldOfViewDimensions")
    spacing = tags.numbers("ImagerPixelSpacing")
    if tags.text("FieldOfViewShape") != "ROUND" or not diameter or len(spacing) != 2 or min(spacing) <= 0:
        return None
    row, column = _counted_from_one(shape)
    y, x = (row - (shape[0] + 1) / 2) * spacing[0], (column - (shape[1] + 1) / 2) * spacing[1]
    return x**2 + y**2 <= (diameter[0] / 2) ** 2


def _measured_pixels(stored: np.ndarray, tags: FrameTags) -> np.ndarray | None:
    """The pixels whose stored value is not the padding value or within its range (PS3.3 C.7.5.1.1.2)."""
    value, limit = tags.number("PixelPaddingValue"), tags.number("PixelPaddingRangeLimit")
    if value is None:
        return None
    if limit is None:
        return stored != _within(value, "BitsStored", tags)
    ends = [_within(end, "BitsAllocated", tags) for end in (value, limit)]
    return (stored < min(ends)) | (stored > max(ends))


def _within(value: float, bits: str, tags: FrameTags) -> float:
    """The value in the range of the pixels, where it was written unsigned for signed pixels, or the reverse.

    bits: the attribute with the number of bits after which it repeats. A value that is beyond the range all the same is
    kept: it is the end of a range.
    """
    low, high = stored_range(tags)
    folded = (value - low) % 2 ** tags.integer(bits) + low
    return folded if low <= folded <= high else value


def aspect_ratio(tags: FrameTags) -> float:
    """Height over width of a pixel, from PixelAspectRatio or ImagerPixelSpacing, 1 without either."""
    for keyword in ("PixelAspectRatio", "ImagerPixelSpacing"):
        pair = tags.numbers(keyword)
        if len(pair) == 2 and min(pair) > 0:
            return pair[0] / pair[1]
    return 1.0


def _counted_from_one(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    return row, column


def _warn(message: str, level: int) -> None:
    warnings.warn(message, IXGSWarning, stacklevel=level + 1)
