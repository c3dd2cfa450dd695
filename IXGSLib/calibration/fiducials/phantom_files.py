"""Phantoms in files: tables, JSON and the markups of 3D Slicer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...formats.calibrations.text import decoded, number_rows
from ...formats.strict_json import numbers, parse_json
from ...geometry.rigid import Array
from .phantom import UNITS_MM, Phantom, as_positions
from .presets import PRESETS

_EXPECTED = "expected a row for each fiducial: a label if there is one, x, y, z and, if known, its diameter"
_LPS_FROM = {
    "LPS": np.array([1.0, 1, 1]),
    "1": np.array([1.0, 1, 1]),
    "RAS": np.array([-1.0, -1, 1]),
    "0": np.array([-1.0, -1, 1]),
}
"""Signs that turn the coordinates of a Slicer markup, by its coordinate system, to LPS."""


def load_phantom(source: str | os.PathLike[str], unit: str | None = None) -> Phantom:
    """The phantom in a file, or the preset of that name.

    Files: a table of positions (.csv, .txt), JSON (.json), Slicer's markups (.mrk.json, .fcsv).
    unit: of the numbers, by default what the file states, else mm.
    Raises FormatError for a file that does not describe a phantom, and what `Phantom` raises.
    """
    path = Path(source)
    if not path.exists() and str(source) in PRESETS:
        if unit not in (None, "mm"):
            raise FormatError(f"phantom '{source}': a preset is in mm, not in {unit}; leave --unit out")
        return PRESETS[str(source)]()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{path.name}: cannot be opened ({error.strerror}), expected a file of fiducials or one of the presets "
            f"{', '.join(PRESETS)}; check the path"
        ) from error
    return _reader(path)(data, path.name, unit)


def _reader(path: Path) -> Callable[[bytes, str, str | None], Phantom]:
    suffix = path.suffix.lower()
    return {".json": _json, ".fcsv": _fcsv}.get(suffix, _table)


def _table(data: bytes, name: str, unit: str | None) -> Phantom:
    """Rows of x, y, z and perhaps a diameter, with or without labels in front."""
    rows, labels = number_rows(decoded(data), name, _EXPECTED)
    if not rows or len(rows[0]) not in (3, 4, 5):
        found = f"{len(rows[0])} numbers in a row" if rows else "no numbers"
        raise FormatError(f"{name}: {found}; {_EXPECTED}")
    table = np.array(rows)
    if table.shape[1] == 5 or (table.shape[1] == 4 and labels is None and _counts_up(table[:, 0])):
        labels, table = [f"{value:g}" for value in table[:, 0]], table[:, 1:]
    return _phantom(table[:, :3], labels, table[:, 3] if table.shape[1] > 3 else None, name, unit)


def _counts_up(column: Array) -> bool:
    """Whether a column numbers the rows from 0 or 1, so that it holds labels."""
    return bool((column == np.arange(len(column)) + column[0]).all() and column[0] in (0, 1))


def _json(data: bytes, name: str, unit: str | None) -> Phantom:
    content = parse_json(data, name)
    if isinstance(content, dict) and "markups" in content:
        return _markups(content, name, unit)
    if isinstance(content, list):
        content = {"fiducials": content}
    if not isinstance(content, dict) or not isinstance(content.get("fiducials"), list):
        raise FormatError(
            f'{name}: no "fiducials", expected a list of [x, y, z] or of objects with "position", "label" and '
            '"diameter_mm"; add it'
        )
    frame = content.get("frame", "LPS")
    if frame not in ("LPS", "RAS"):
        raise FormatError(f'{name}: "frame" is {frame!r}, expected "LPS" or "RAS"; correct it')
    entries = [_entry(entry, f"{name}: fiducial {n + 1}") for n, entry in enumerate(content["fiducials"])]
    positions = np.array([position for position, _, _ in entries]).reshape(-1, 3) * _LPS_FROM[frame]
    labels = [label for _, label, _ in entries if label is not None]
    diameters = [diameter for _, _, diameter in entries if diameter is not None]
    common = content.get("diameter_mm")
    if not diameters and common is not None:
        diameters = [float(numbers(common, (), f'{name}: "diameter_mm"'))] * len(entries)
    if len(labels) not in (0, len(entries)) or len(diameters) not in (0, len(entries)):
        raise FormatError(f"{name}: only some fiducials have a label or a diameter; give it for all of them or none")
    stated = _stated_unit(content.get("unit"), unit, name)
    found = _phantom(positions, labels or None, None, name, stated)
    return found if not diameters else Phantom(found.positions, found.labels, np.array(diameters), found.name)


def _entry(entry: Any, what: str) -> tuple[Array, str | None, float | None]:
    if isinstance(entry, list):
        return numbers(entry, (3,), what), None, None
    if not isinstance(entry, dict) or "position" not in entry:
        raise FormatError(f'{what} has no "position", expected [x, y, z]; add it')
    label, diameter = entry.get("label"), entry.get("diameter_mm")
    return (
        numbers(entry["position"], (3,), f'{what}: "position"'),
        None if label is None else str(label),
        None if diameter is None else float(numbers(diameter, (), f'{what}: "diameter_mm"')),
    )


def _markups(content: dict[str, Any], name: str, unit: str | None) -> Phantom:
    """The control points of the first list of a .mrk.json file."""
    lists = [one for one in content["markups"] if isinstance(one, dict) and one.get("controlPoints")]
    if len(lists) != 1:
        raise FormatError(f"{name}: {len(lists)} lists of control points, expected one; save a single point list")
    system = str(lists[0].get("coordinateSystem", "LPS")).upper()
    if system not in _LPS_FROM:
        raise FormatError(f'{name}: "coordinateSystem" is "{system}", expected LPS or RAS; save the markups again')
    points = [point for point in lists[0]["controlPoints"] if point.get("positionStatus", "defined") == "defined"]
    positions = [numbers(point.get("position"), (3,), f"{name}: a control point") for point in points]
    labels = [str(point.get("label", n + 1)) for n, point in enumerate(points)]
    stated = _stated_unit(lists[0].get("coordinateUnits"), unit, name)
    return _phantom(np.array(positions).reshape(-1, 3) * _LPS_FROM[system], labels, None, name, stated)


def _fcsv(data: bytes, name: str, unit: str | None) -> Phantom:
    """Slicer's earlier markups: a comment states the coordinate system, columns 1 to 3 and 11 position and label."""
    system, positions, labels = "RAS", [], []
    for number, line in enumerate(decoded(data).splitlines(), 1):
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            system = value.strip().upper() if key.strip() == "CoordinateSystem" else system
        elif line.strip():
            fields = line.split(",")
            try:
                positions.append([float(field) for field in fields[1:4]])
            except ValueError as error:
                raise FormatError(f"{name}: line {number} has no position; save the markups again") from error
            labels.append(fields[11] if len(fields) > 11 and fields[11] else fields[0])
    if system not in _LPS_FROM or any(len(position) != 3 for position in positions):
        raise FormatError(
            f"{name}: coordinate system {system}, expected LPS or RAS and x, y, z; save the markups again"
        )
    return _phantom(np.array(positions).reshape(-1, 3) * _LPS_FROM[system], labels, None, name, unit)


def _stated_unit(stated: Any, given: str | None, name: str) -> str | None:
    """The unit that is given, or else that of the file."""
    if given is not None or stated is None:
        return given
    text = str(stated[0] if isinstance(stated, list) and stated else stated)
    if text not in UNITS_MM:
        raise FormatError(f"{name}: the unit is {text!r}, expected one of {', '.join(UNITS_MM)}; correct it")
    return text


def _phantom(
    positions: Array, labels: list[str] | None, diameters: Array | None, name: str, unit: str | None
) -> Phantom:
    scaled = None if diameters is None else as_positions(diameters, unit or "mm")
    return Phantom(as_positions(positions, unit or "mm"), tuple(labels or ()), scaled, name)
