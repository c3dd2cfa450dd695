"""Strict JSON: a typing error must not become a wrong reconstruction."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from ..parsing import read_file

_HALF_LETTER = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a letter beyond 16 bits, which alone is none."""


def read_json(path: Path) -> Any:
    """The value in a JSON file in UTF-8.

    Raises FormatError with the file and the line or key for anything but strict JSON: byte order marks, other
    encodings, trailing commas, duplicate keys, NaN, infinity and numbers out of range.
    """
    return parse_json(read_file(path), path.name)


def parse_json(data: bytes, name: str) -> Any:
    """Like `read_json`, from bytes; `name` stands for the file in messages."""
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise FormatError(f"{name}: line 1 begins with a byte order mark, expected plain UTF-8; save it without BOM")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"{name}: line {line} is not UTF-8; save the file as UTF-8") from error

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise FormatError(f'{name}: key "{key}" appears twice in one object; keep one of them')
            found[key] = value
        return found

    def finite(number: str) -> float:
        value = float(number) if number not in ("NaN", "Infinity", "-Infinity") else math.nan
        if not math.isfinite(value):
            line = text.count("\n", 0, text.find(number)) + 1
            raise FormatError(f"{name}: line {line} holds {number}, expected a finite number; export it again")
        return value

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_float=finite, parse_constant=finite)
        if _HALF_LETTER.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError as error:
        raise FormatError(f"{name}: holds half of a surrogate pair such as \\ud800; save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{name}: line {error.lineno}, column {error.colno}: {_fault(text, error)}; correct the JSON there"
        ) from error
    except (RecursionError, ValueError) as error:
        raise FormatError(f"{name}: nested too deeply or a number too long; expected a plain case file") from error


def numbers(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """A float64 array of `shape` from nested JSON lists; raises FormatError that begins with `what`."""
    expected = " x ".join(map(str, shape)) or "one"
    try:
        array = np.array(value)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{what} has rows of different lengths, expected {expected} numbers") from error
    if array.dtype.kind not in "iuf" or array.shape != shape:
        found = f"shape {array.shape}" if array.dtype.kind in "iuf" else "something other than numbers"
        raise FormatError(f"{what} has {found}, expected {expected} numbers with decimal points; correct it")
    return array.astype(np.float64)


def _fault(text: str, error: json.JSONDecodeError) -> str:
    before, after = text[: error.pos].rstrip(), text[error.pos :].lstrip()
    if (before.endswith(",") and after[:1] in ("}", "]")) or "trailing comma" in error.msg:
        return "a comma before the closing bracket"
    if not after:
        return "the file ends before its brackets close"
    return error.msg
