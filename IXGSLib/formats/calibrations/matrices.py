"""3x4 projection matrices, pixels from world, of any scale and sign.

A matrix that maps world to pixels may be multiplied by any number, so its sign carries no information: the rotation is
assumed to be proper. A mirrored image then has the scene behind its source, which `check_views` refuses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...files import write_atomically
from ...geometry import View
from ...sniffing import TEXT
from ..strict_json import numbers
from . import cameras
from .calibration import CalibratedView, CalibrationOptions, right_handed
from .content import Content
from .plausibility import plausible_matrices, plausible_vectors
from .text import number_rows

_EXPECTED = "expected 3x4 matrices, row by row: 12 numbers per line, or three lines of 4 per matrix"
Table = tuple[np.ndarray, "tuple[str, ...] | None"]


def matches_rows(content: Content) -> bool:
    """Whether a file holds matrices row by row."""
    return _plausible(content, "rows")


def matches_columns(content: Content) -> bool:
    """Whether a file holds matrices of 12 numbers, column by column."""
    return _plausible(content, "columns")


def read_rows(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The matrices of a file, row by row, with their names if the file has any; raises FormatError."""
    array, names = table(content)
    if options.format is None and array.shape[-1] == 12 and not plausible_matrices(array.reshape(-1, 3, 4)):
        raise FormatError(
            f"{content.name}: 12 numbers per view that are neither an X-ray camera's 3x4 matrix, row by row or column "
            "by column, nor ASTRA cone vectors; check the export, or state --calibration-format matrices"
        )
    return _views(array.reshape(-1, 3, 4), names)


def read_columns(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The matrices of a file of 12 numbers per view, column by column; raises FormatError."""
    array, names = table(content)
    if array.shape[-1] != 12:
        raise FormatError(f"{content.name}: numbers of shape {array.shape}, expected 12 per matrix, column by column")
    return _views(array.reshape(-1, 4, 3).transpose(0, 2, 1), names)


def table(content: Content) -> Table:
    """(n, 12) or (n, 3, 4) numbers of a text, JSON, NumPy or MATLAB file and the names of its rows, if it has them.

    Raises FormatError for other shapes and for numbers that are not finite.
    """
    array, names = _text_table(content) if content.kind not in ("JSON", "NumPy", "ZIP", "MATLAB 5") else _tree(content)
    if array.size and not np.isfinite(array).all():
        raise FormatError(f"{content.name}: holds NaN or infinite numbers; export it again")
    return _stacked(array, content.name), names


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


def _plausible(content: Content, order: str) -> bool:
    try:
        array, _ = table(content)
    except FormatError:
        return False
    if array.shape[-1] != 12:
        return order == "rows"
    P = array.reshape(-1, 3, 4) if order == "rows" else array.reshape(-1, 4, 3).transpose(0, 2, 1)
    # Matrices do not have the regularity of detector vectors by chance.
    return plausible_matrices(P) and not plausible_vectors(array)


def _views(matrices: np.ndarray, names: tuple[str, ...] | None) -> list[CalibratedView]:
    named = names or (None,) * len(matrices)
    return [CalibratedView(right_handed(P), name) for P, name in zip(matrices, named, strict=True)]


def _text_table(content: Content) -> Table:
    if content.kind != TEXT:
        raise FormatError(f"{content.name}: {content.kind}; {_EXPECTED}, as .txt, .csv, .json, .npy or .mat")
    rows, names = number_rows(content.text, content.name, _EXPECTED)
    if rows and len(rows) == 5 and len(rows[0]) == 3:
        raise FormatError(f"{content.name}: looks like MayaCam 1.0; export MayaCam 2.0 from XMALab")
    array = _without_index(np.array(rows))
    if rows and array.shape[1] not in (4, 12) and len(array) != 12:
        raise FormatError(f"{content.name}: {len(rows[0])} numbers per line; {_EXPECTED}")
    return array, None if names is None or array.shape[1] != 12 else tuple(names)


def _without_index(array: np.ndarray) -> np.ndarray:
    """A table of 13 columns without the first where it numbers the rows, from 0 or 1."""
    if array.ndim != 2 or array.shape[1] != 13 or array[0, 0] not in (0, 1) or np.any(np.diff(array[:, 0]) != 1):
        return array
    return array[:, 1:]


def _tree(content: Content) -> Table:
    if content.kind != "JSON":
        array = _only_table(content) if content.array is None else content.array
        if array is None:
            raise FormatError(f"{content.name}: not one array of numbers; {_EXPECTED}")
        return _without_index(array), None
    data = content.tree
    if isinstance(data, dict) and data:
        return np.array([_matrix(m, f"{content.name}: matrix '{id}'") for id, m in data.items()]), tuple(data)
    if content.array is not None:
        return content.array, None
    if isinstance(data, list) and data:
        return np.array([_matrix(m, f"{content.name}: matrix {n + 1}") for n, m in enumerate(data)]), None
    raise FormatError(f'{content.name}: neither a list of matrices nor {{"id": matrix}}; {_EXPECTED}')


def _only_table(content: Content) -> np.ndarray | None:
    """The only array among several that holds 12 numbers for each view; None where there are more or none."""
    if not isinstance(content.tree, dict) or cameras.matches(content):
        return None
    arrays = [value for value in content.tree.values() if isinstance(value, np.ndarray)]
    numeric = [array for array in arrays if array.dtype.kind in "iuf" and array.ndim in (2, 3)]
    tables = [a for a in numeric if a.shape[-1] == 12 or a.shape[1:] in ((3, 4), (4, 3)) or a.shape[:2] == (3, 4)]
    return tables[0].astype(np.float64) if len(tables) == 1 else None


def _matrix(value: Any, what: str) -> np.ndarray:
    flat = isinstance(value, list) and len(value) == 12
    return numbers(value, (12,) if flat else (3, 4), what).reshape(3, 4)


def _stacked(array: np.ndarray, name: str) -> np.ndarray:
    """(n, 3, 4) from (3, 4, n), (n, 3, 4) or (3n, 4); (n, 12) from (12,), (n, 12), (n, 4, 3) or, if plausible, (12, n).

    Where shapes allow two readings, a plausible one counts.
    """
    if array.ndim == 2 and array.shape[1] == 4 and (array == (0, 0, 0, 1)).all(axis=1).any():
        raise FormatError(f"{name}: 4x4 transforms; {_EXPECTED}, the intrinsics multiplied in")
    usual = [reading for reading in _readings(array) if reading.size]
    turned = [array.T] if array.ndim == 2 and len(array) == 12 else []
    found = next(filter(_plausible_either_way, (*usual, *turned)), usual[0] if usual else None)
    if found is None:
        raise FormatError(f"{name}: numbers of shape {array.shape}; {_EXPECTED}")
    return found


def _readings(array: np.ndarray) -> Iterator[np.ndarray]:
    """The ways in which an array can hold 12 numbers for each view, the usual ones first."""
    if array.ndim == 3 and array.shape[1:] == (3, 4):
        yield array
    if array.ndim == 3 and array.shape[:2] == (3, 4):
        yield np.moveaxis(array, 2, 0)
    if array.ndim == 3 and array.shape[1:] == (4, 3):
        yield array.reshape(-1, 12)
    if array.ndim in (1, 2) and array.shape[-1] == 12:
        yield array.reshape(-1, 12)
    if array.ndim == 2 and array.shape[1] == 4 and len(array) % 3 == 0:
        yield array.reshape(-1, 3, 4)


def _plausible_either_way(array: np.ndarray) -> bool:
    """Whether (n, 3, 4) or (n, 12) numbers are matrices, row by row or column by column, or a detector's vectors."""
    if array.ndim == 3:
        return plausible_matrices(array)
    by_columns = array.reshape(-1, 4, 3).transpose(0, 2, 1)
    return plausible_matrices(array.reshape(-1, 3, 4)) or plausible_matrices(by_columns) or plausible_vectors(array)
