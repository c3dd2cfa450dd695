"""3x4 projection matrices, pixels from world mm (LPS), as .txt, .csv, .json or .npy."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from ..files import write_atomically
from ..geometry import View
from .strict_json import numbers, parse_json

_CURE = "expected 3x4 matrices, row by row: 12 numbers per line, or three lines of 4 per matrix"


def read_matrices(path: str | os.PathLike[str]) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """(n, 3, 4) matrices of any scale and sign, and the views' ids where a JSON file names them.

    Text: numbers parted by blanks, tabs, commas or semicolons, # and % begin comments. JSON: a list of matrices, or
    {"id": matrix}. Each matrix may be flat (12 numbers). Raises FormatError with the file and, for text, the line.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be opened ({error.strerror}); check the path") from error
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _shaped(_load_npy(path), path.name), None
    if suffix == ".json":
        return _from_json(parse_json(data, path.name), path.name)
    if suffix in (".txt", ".csv"):
        return _from_text(data, path.name), None
    raise FormatError(f"{path.name}: a calibration of kind '{path.suffix}', expected .txt, .csv, .json, .npy or .xml")


def write_matrices(path: str | os.PathLike[str], views: Sequence[View]) -> None:
    """Write the views' projection matrices as .csv (12 numbers per line) or .json ({"id": matrix})."""
    path = Path(path)
    if path.suffix.lower() == ".csv":
        text = "".join(",".join(map(repr, v.projection_matrix.ravel().tolist())) + "\n" for v in views)
    elif path.suffix.lower() == ".json":
        text = json.dumps({v.id: v.projection_matrix.tolist() for v in views}, indent=1, ensure_ascii=False)
    else:
        raise FormatError(f"{path.name}: cannot write matrices as '{path.suffix}', expected .csv or .json")
    write_atomically(path, text.encode())


def _load_npy(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise FormatError(
            f"{path.name}: no NumPy array of numbers, or cut short; {_CURE}, saved with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise FormatError(f"{path.name}: does not hold numbers; {_CURE}, saved with numpy.save")
    return array


def _from_json(data: Any, name: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    if isinstance(data, dict) and data:
        return np.array([_matrix(m, f"{name}: matrix '{id}'") for id, m in data.items()]), tuple(data)
    if isinstance(data, list) and data:
        if len(data) == 3 and np.shape(data) == (3, 4):
            return numbers(data, (3, 4), name)[None], None
        return np.array([_matrix(m, f"{name}: matrix {n + 1}") for n, m in enumerate(data)]), None
    raise FormatError(f'{name}: neither a list of matrices nor {{"id": matrix}}; {_CURE}')


def _matrix(value: Any, what: str) -> np.ndarray:
    flat = isinstance(value, list) and len(value) == 12
    return numbers(value, (12,) if flat else (3, 4), what).reshape(3, 4)


def _from_text(data: bytes, name: str) -> np.ndarray:
    rows = []
    for number, line in enumerate(data.decode("utf-8", errors="replace").splitlines(), 1):
        fields = [field for field in re.split(r"[\s,;]+", re.split("[#%]", line)[0]) if field]
        if not fields:
            continue
        try:
            rows.append([float(field) for field in fields])
        except ValueError as error:
            raise FormatError(
                f"{name}: line {number} holds something else than numbers; {_CURE}, comments after #"
            ) from error
        if len(fields) != len(rows[0]) or len(fields) not in (4, 12):
            raise FormatError(f"{name}: line {number} holds {len(fields)} numbers; {_CURE}, with decimal points")
    return _shaped(np.array(rows), name)


def _shaped(array: np.ndarray, name: str) -> np.ndarray:
    """(n, 3, 4) from (n, 12), (3n, 4), (n, 3, 4) or (12,)."""
    stacked = array.ndim == 3 and array.shape[1:] == (3, 4)
    listed = array.ndim in (1, 2) and array.shape[-1] == 12
    rows = array.ndim == 2 and array.shape[1] == 4 and len(array) % 3 == 0
    if rows and (array == (0, 0, 0, 1)).all(axis=1).any():
        raise FormatError(f"{name}: 4x4 transforms; {_CURE}, the intrinsics multiplied in")
    if array.size == 0 or not (stacked or listed or rows):
        raise FormatError(f"{name}: numbers of shape {array.shape}; {_CURE}")
    return array.astype(np.float64).reshape(-1, 3, 4)
