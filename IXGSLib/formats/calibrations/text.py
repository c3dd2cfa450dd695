"""Text and tables of numbers as editors, Excel and PowerShell write them."""

from __future__ import annotations

import codecs
import re

from ...errors import FormatError
from ...sniffing import TEXT_MARKS

_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?$")
_LEADING_NAME = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,;\t"']*[A-Za-z_][^,;\t"']*)[,;\t]""")
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
    """The rows of numbers in a text, and the names in front of them where every row has one.

    Numbers are separated by blanks, tabs, commas or semicolons; a comma is a decimal comma where blanks, tabs,
    semicolons or quotes separate the numbers. # and % begin comments; lines of words above the first number are
    headings, and so are twelve or more columns that are numbered. Brackets around rows do not count.
    Raises FormatError, which names the line and ends with `expected`, for anything else.
    """
    rows: list[list[float]] = []
    names: list[str] = []
    first = 1
    for number, line in enumerate(text.splitlines(), 1):
        fields = _fields(re.split("[#%]", line)[0])
        named = bool(fields) and not _NUMBER.match(fields[0])
        numbers = fields[1:] if named else fields
        if not fields or (not rows and (_is_numbering(fields) or not any(_NUMBER.match(f) for f in fields))):
            continue
        if not all(_NUMBER.match(field) for field in numbers) or (named and len(names) < len(rows)):
            raise FormatError(f"{name}: line {number} holds something other than numbers; {expected}, comments after #")
        first = first if rows else number
        rows.append([float(field.lower().replace("d", "e")) for field in numbers])
        if named:
            names.append(fields[0])
        if len(numbers) != len(rows[0]):
            raise FormatError(
                f"{name}: line {number} holds {len(numbers)} numbers, line {first} {len(rows[0])}; {expected}"
            )
    if names and len(names) != len(rows):
        raise FormatError(f"{name}: only some of its rows begin with a name; name all of them or none")
    return rows, names or None


def _is_numbering(fields: list[str]) -> bool:
    """Whether a line numbers its columns, from 0 or 1; no camera has such a matrix, which is singular."""
    return len(fields) >= 12 and any(fields == [str(start + n) for n in range(len(fields))] for start in (0, 1))


def _fields(line: str) -> list[str]:
    """The fields of a line; a leading name is one field, and decimal commas become points."""
    name = _LEADING_NAME.match(line)
    if name is None or _NUMBER.match(_bare(name[1]).replace(",", ".")):
        return _numbers(line)
    return [_bare(name[1]), *_numbers(line[name.end() :])]


def _numbers(line: str) -> list[str]:
    """The fields of a line without a name of several words."""
    apart = [_bare(field) for field in re.findall(r"""\"[^"]*\"|'[^']*'|[^;\s"'\[\]()]+""", line)]
    apart = [field for field in apart if field.strip(",")]
    values = [field for field in apart if field[:1].isdigit() or field[:1] in "+-"]
    if any("," in field for field in values) and all(_DECIMAL_COMMA.match(field) for field in values):
        return [field.replace(",", ".") if field in values else field for field in apart]
    return [field for part in apart for field in part.split(",") if field]


def _bare(field: str) -> str:
    return field.strip().strip("\"'").strip()
