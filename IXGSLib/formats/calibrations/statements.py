"""What a calibration file states about itself: its frame, its unit and its kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...errors import FormatError
from .content import Content
from .fields import Fields

_FRAME = ("frame", "coordinatesystem", "space")
_UNIT = ("unit", "units", "lengthunit", "lengthunits")
_UNITS = {
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "m": ("m", "meter", "meters", "metre", "metres"),
    "in": ("in", "inch", "inches"),
}
MAX_NAMED = 8
"""Largest number of entries named in a description."""


def check_statements(content: Content, unit: str) -> None:
    """Raises FormatError for a file that states the frame RAS, or another unit of length than `unit`."""
    if content.kind not in ("JSON", "YAML") or not isinstance(content.tree, Mapping):
        return
    fields = Fields(content.tree, content.name)
    frame, stated = (_word(fields.get(names)) for names in (_FRAME, _UNIT))
    if frame in ("ras", "right-anterior-superior"):
        raise FormatError(
            f"{content.name}: its frame is RAS, expected LPS; multiply the poses by diag(-1, -1, 1, 1) from the left "
            "and state the frame LPS"
        )
    found = next((symbol for symbol, words in _UNITS.items() if stated in words), unit)
    if found != unit:
        raise FormatError(f"{content.name}: its unit is '{stated}', read as {unit}; give --unit {found}")


def _word(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def described(content: Content) -> str:
    """The kind of a file and its entries, so that a person recognises it."""
    tree = content.tree
    if not isinstance(tree, Mapping):
        return content.kind
    if "markups" in tree:
        return "points of Slicer (Markups)"
    named = [f"'{key}'{_shape(value)}" for key, value in list(tree.items())[:MAX_NAMED]]
    more = "" if len(tree) <= MAX_NAMED else f" and {len(tree) - MAX_NAMED} more"
    return f"{content.kind} with {', '.join(named) or 'nothing'}{more}"


def _shape(value: object) -> str:
    return f" {value.shape}" if isinstance(value, np.ndarray) else ""
