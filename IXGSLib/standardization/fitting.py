"""Pictures of any size brought to the size that a network was trained at, and its results back to their pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


class Fit:
    """The way of pictures (rows, columns) into a square of `size` pixels along a side, and back.

    The longer side fills the square, the shorter one is centred in it. Coordinates follow the edges of pixels, so that
    the scene stays where it is: pixel x of the picture lies at (x + margin + 0.5) * size / longer side - 0.5.
    """

    def __init__(self, rows: int, columns: int, size: int) -> None:
        self.longer, self.size = max(rows, columns), size
        top, left = (self.longer - rows) // 2, (self.longer - columns) // 2
        self.window = (slice(top, top + rows), slice(left, left + columns))

    def square(self, picture: np.ndarray, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Picture and field (size, size); a pixel belongs to the field when at least half of it does."""
        whole, inside = np.zeros((2, self.longer, self.longer))
        whole[self.window] = np.where(field, picture, 0)
        inside[self.window] = field
        return _resampled(whole, inside, self.size)

    def back(self, result: np.ndarray, field: np.ndarray, original: np.ndarray) -> np.ndarray:
        """The result (size, size) of a field (size, size) on the picture's pixels, float32, 0 outside its `original`.

        Pixels of the original field beyond the coarser one take the value of the nearest pixel of that.
        """
        if not field.any():
            return np.zeros(original.shape, np.float32)
        filled = _filled(result, field)
        values, _ = _resampled(filled, np.ones(filled.shape), self.longer)
        return np.where(original, values[self.window], 0).astype(np.float32)


def _resampled(image: np.ndarray, inside: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A square image, averaged over its pixels that count, and where half of them or more do."""
    weights = resampling(len(image), size)
    part = weights @ inside @ weights.T
    values = weights @ (image * inside) @ weights.T
    return np.divide(values, part, out=np.zeros_like(values), where=part > 1e-6), part >= 0.5 - 1e-9


@lru_cache(maxsize=8)
def resampling(source: int, target: int) -> np.ndarray:
    """(target, source) weights that bring a line of `source` pixels to `target` pixels over the same length.

    Fewer pixels average what they cover; more pixels interpolate linearly between the centres of the two nearest.
    """
    if target <= source:
        edges = np.arange(target + 1) * (source / target)
        low, high = edges[:-1, None], edges[1:, None]
        places = np.arange(source)
        covered = np.clip(np.minimum(high, places + 1) - np.maximum(low, places), 0, None)
        return covered * (target / source)
    centres = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
    return np.clip(1 - np.abs(centres[:, None] - np.arange(source)), 0, None)


def _filled(result: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The result with each pixel outside the field as the nearest one inside it."""
    from scipy.ndimage import distance_transform_edt

    if field.all():
        return result
    nearest = distance_transform_edt(~field, return_distances=False, return_indices=True)
    return result[tuple(nearest)]
