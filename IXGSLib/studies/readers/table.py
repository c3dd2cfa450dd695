"""Metrics and specimens of runs from a table, such as the results.csv of a study."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import FormatError

NAMES, SPECIMENS = ("run", "id"), ("specimen", "patient", "subject")
"""Columns that name a run and its specimen; the first one that a table has counts."""


@dataclass(frozen=True)
class Row:
    """What a table says of one run; specimen: None where it has no such column."""

    specimen: str | None
    metrics: Mapping[str, float | None]


def read_table(path: Path) -> dict[str, Row]:
    """The rows of a CSV file by the name of their run.

    Columns with numbers only are metrics; an empty cell is a metric that is not defined. Raises FormatError for a file
    without a column for runs or metrics, and for a run with two rows.
    """
    rows = _rows(path)
    columns = list(rows[0]) if rows else []
    name = next((column for column in NAMES if column in columns), None)
    if name is None:
        raise FormatError(f"{path}: no column {' or '.join(NAMES)}, expected one with the names of the runs' folders")
    specimen = next((column for column in SPECIMENS if column in columns), None)
    metrics = [column for column in columns if column not in (name, *SPECIMENS) and _is_metric(rows, column)]
    if not metrics:
        raise FormatError(f"{path}: no column of numbers, expected metrics")
    found: dict[str, Row] = {}
    for row in rows:
        if row[name] in found:
            raise FormatError(f"{path}: run '{row[name]}' has two rows, expected one; keep one of them")
        values = {metric: float(row[metric]) if row[metric] else None for metric in metrics}
        found[row[name]] = Row(row[specimen] if specimen else None, values)
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV in UTF-8 ({error})") from error
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise FormatError(f"{path}: row {number} has another number of cells than the first; correct it")
    return rows


def _is_metric(rows: list[dict[str, str]], column: str) -> bool:
    cells = [row[column] for row in rows if row[column]]
    return bool(cells) and all(_is_number(cell) for cell in cells) and len(set(cells)) > 1


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
