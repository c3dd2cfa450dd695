"""Resampling images to the size that a network was trained on, and its results back to their pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


class Fit:
    """Fits images (rows, columns) into a square of `size` x `size` pixels, and fits results back.

    The longer side fills the square, the shorter side is centred in it. Resampling aligns the edges of the pixels, so
    that nothing shifts: pixel x of the image lies at (x + margin + 0.5) * size / longer side - 0.5.
    """

    def __init__(self, rows: int, columns: int, size: int) -> None:
        self.longer, self.size = max(rows, columns), size
        top, left = (self.longer - rows) // 2, (self.longer - columns) // 2
        self.window = (slice(top, top + rows), slice(left, left + columns))

    def square(self, picture: np.ndarray, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Image and field (size, size); a pixel belongs to the field when at least half of its area does."""
        whole, inside = np.zeros((2, self.longer, self.longer))
        whole[self.window] = np.where(field, picture, 0)
        inside[self.window] = field
        return _resampled(whole, inside, self.size)

    def back(self, result: np.ndarray, field: np.ndarray, original: np.ndarray) -> np.ndarray:
        """The result (size, size) on the image's own pixels, float32, 0 outside its `original` field.

        field: (size, size) bool, as `square` returned it. Pixels of the original field that it does not cover take the
        value of its nearest pixel.
        """
        if not field.any():
            return np.zeros(original.shape, np.float32)
        filled = _filled(result, field)
        values, _ = _resampled(filled, np.ones(filled.shape), self.longer)
        return np.where(original, values[self.window], 0).astype(np.float32)


def _resampled(image: np.ndarray, inside: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A square image averaged over the pixels `inside`, and a mask of where at least half of the area is inside."""
    weights = resampling(len(image), size)
    part = weights @ inside @ weights.T
    values = weights @ (image * inside) @ weights.T
    return np.divide(values, part, out=np.zeros_like(values), where=part > 1e-6), part >= 0.5 - 1e-9


@lru_cache(maxsize=8)
def resampling(source: int, target: int) -> np.ndarray:
    """(target, source) weights that resample a row of `source` pixels to `target` pixels over the same length.

    Downsampling averages the pixels covered; upsampling interpolates linearly between the two nearest centres.
    """
    if target <= source:
        edges = np.arange(target + 1) * (source / target)
        low, high = edges[:-1, None], edges[1:, None]
        pixels = np.arange(source)
        covered = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None)
        return covered * (target / source)
    centres = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
    return np.clip(1 - np.abs(centres[:, None] - np.arange(source)), 0, None)


def _filled(result: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The result with each pixel outside the field replaced by the nearest one inside it."""
    from scipy.ndimage import distance_transform_edt

    if field.all():
        return result
    nearest = distance_transform_edt(~field, return_distances=False, return_indices=True)
    return result[tuple(nearest)]
