"""Adding up what the chunks of parallel work have drawn, each into an array of its own."""

from __future__ import annotations

import numpy as np

from .lanes import kernel
from .threads import run


def sum_chunks(parts: np.ndarray, columns: int) -> np.ndarray:
    """The sum (rows, columns) of float32 parts (CHUNKS, rows, columns or more) over their first `columns` columns."""
    values = np.empty((parts.shape[1], columns), np.float32)
    run(_sum_rows, len(values), parts, values)
    return values


@kernel
def _sum_rows(chunk, start, stop, parts, values):
    for r in range(start, stop):
        for c in range(values.shape[1]):
            values[r, c] = parts[0, r, c]
        for n in range(1, len(parts)):
            for c in range(values.shape[1]):
                values[r, c] += parts[n, r, c]
