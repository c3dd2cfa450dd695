"""Text and tables of numbers as written by editors, Excel and PowerShell."""

from __future__ import annotations

import codecs
import re

from ...errors import FormatError
from ...xray.sniffing import TEXT_MARKS

_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?$")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?$|[+-]?(nan|inf|infinity)$", re.IGNORECASE)


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8 or UTF-16, with or without a byte order mark, otherwise Windows-1252."""
    for mark, encoding in TEXT_MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if data[1:2] == b"\0":
        return data.decode("utf-16-le", errors="replace")
    if data[:1] == b"\0":
        return data.decode("utf-16-be", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return codecs.decode(data, "cp1252", errors="replace")


def number_rows(text: str, name: str, expected: str) -> tuple[list[list[float]], list[str] | None]:
    """The rows of numbers in a text, and the names in front of them if every row has one.

    Numbers are separated by blanks, tabs, commas or semicolons; a comma is a decimal comma where blanks, tabs or
    semicolons separate the numbers. # and % begin comments; lines of words above the first number are headings.
    Raises FormatError, which names the line and ends with `expected`, for anything else.
    """
    rows: list[list[float]] = []
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = _fields(re.split("[#%]", line)[0])
        named = bool(fields) and not _NUMBER.match(fields[0])
        numbers = fields[1:] if named else fields
        if not fields or (not rows and not any(_NUMBER.match(field) for field in fields)):
            continue
        if not all(_NUMBER.match(field) for field in numbers) or (named and len(names) < len(rows)):
            raise FormatError(f"{name}: line {number} holds something other than numbers; {expected}, comments after #")
        rows.append([float(field.lower().replace("d", "e")) for field in numbers])
        if named:
            names.append(fields[0])
        if len(numbers) != len(rows[0]):
            raise FormatError(f"{name}: line {number} holds {len(numbers)} numbers, line 1 {len(rows[0])}; {expected}")
    if names and len(names) != len(rows):
        raise FormatError(f"{name}: only some of its rows begin with a name; name all of them or none")
    return rows, names or None


def _fields(line: str) -> list[str]:
    """The fields of a line, with decimal commas replaced by points."""
    apart = [field.strip("\"'") for field in re.split(r"[;\s]+", line) if field]
    values = [field for field in apart if field[:1].isdigit() or field[:1] in "+-"]
    if any("," in field for field in values) and all(_DECIMAL_COMMA.match(field) for field in values):
        return [field.replace(",", ".") if field in values else field for field in apart]
    return [field.strip("\"'") for field in re.split(r"[\s,;]+", line) if field]
