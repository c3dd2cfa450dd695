"""What the parts of a piece of work have drawn, each into an array of its own, added up."""

from __future__ import annotations

import numpy as np

from .lanes import kernel
from .threads import run


def merged(parts: np.ndarray, columns: int) -> np.ndarray:
    """The sum (rows, columns) of float32 parts (CHUNKS, rows, columns or more), whose further columns are left out."""
    values = np.empty((parts.shape[1], columns), np.float32)
    run(_merge, len(values), parts, values)
    return values


@kernel
def _merge(chunk, start, stop, parts, values):
    for r in range(start, stop):
        for c in range(values.shape[1]):
            values[r, c] = parts[0, r, c]
        for n in range(1, len(parts)):
            for c in range(values.shape[1]):
                values[r, c] += parts[n, r, c]
