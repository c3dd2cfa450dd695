"""OpenCV's FileStorage as YAML and XML: names, numbers, texts and matrices.

OpenCV's YAML is YAML 1.0 with the tag !!opencv-matrix, which YAML 1.2 parsers refuse; only the few constructs that
FileStorage writes are read here.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ...errors import FormatError

_KEY = re.compile(r"^(\s*)([\w.\-]+|\"[^\"]+\")\s*:\s*(.*)$")


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """The top level of a FileStorage in YAML; matrices as arrays, sequences of numbers as lists.

    Nested maps are read one level deep; raises FormatError for names that repeat and a matrix that is incomplete.
    """
    fields: dict[str, Any] = {}
    matrix: dict[str, str] | None = None
    for line in _joined(text.removeprefix("\ufeff"), name):
        match = _KEY.match(line)
        if match is None:
            continue
        indent, key, value = match.group(1), match.group(2).strip('"'), match.group(3).strip()
        is_part = matrix is not None and indent and key in ("rows", "cols", "dt", "data")
        if not is_part and key in fields:
            raise FormatError(
                f"{name}: more than one '{key}'; maps inside maps are not read: write one file for each view"
            )
        if value.startswith("!!opencv-matrix"):
            matrix = fields[key] = {}
        elif matrix is not None and is_part:
            matrix[key] = value
        elif not indent or matrix is None:
            matrix = None
            fields[key] = _value(value)
    return {
        key: _matrix(value, f"{name}: '{key}'") if isinstance(value, dict) else value for key, value in fields.items()
    }


def parse_xml(root: ElementTree.Element, name: str) -> dict[str, Any]:
    """The top level of a FileStorage in XML, like `parse_yaml`."""
    fields: dict[str, Any] = {}
    for element in root:
        if element.get("type_id") == "opencv-matrix":
            fields[element.tag] = _matrix({e.tag: e.text or "" for e in element}, f"{name}: '{element.tag}'")
        elif len(element) == 0:
            words = (element.text or "").split()
            fields[element.tag] = _value(f"[{','.join(words)}]" if len(words) > 1 else "".join(words))
    return fields


def _joined(text: str, name: str) -> list[str]:
    """The lines of a text, with the lines from an opening to its closing bracket joined."""
    lines: list[str] = []
    open_brackets = 0
    for line in text.splitlines():
        if line.startswith(("%", "---")) or not line.strip():
            continue
        if open_brackets:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
        open_brackets += line.count("[") - line.count("]")
    if open_brackets:
        raise FormatError(f"{name}: a bracket does not close; the file is truncated: export it again")
    return lines


def _value(text: str) -> Any:
    if text.startswith("["):
        parts = [_scalar(part) for part in re.split(r"[,\s]+", text.strip("[] ")) if part]
        return np.array(parts) if all(isinstance(part, float) for part in parts) else parts
    return _scalar(text)


def _scalar(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip('"')


def _matrix(fields: dict[str, str], what: str) -> np.ndarray:
    """(rows, cols) or, with several channels, (rows, cols, channels)."""
    try:
        rows, cols = int(fields["rows"]), int(fields["cols"])
        data = [float(word) for word in re.split(r"[\s,\[\]]+", fields["data"]) if word]
        channels = int(re.match(r"\"?(\d*)", fields.get("dt", "d")).group(1) or 1)  # type: ignore[union-attr]
        array = np.array(data).reshape(rows, cols, channels)
    except (KeyError, ValueError) as error:
        raise FormatError(f"{what} is an incomplete OpenCV matrix ({error}); export it again") from error
    return array[..., 0] if channels == 1 else array
