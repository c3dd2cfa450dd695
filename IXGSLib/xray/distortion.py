"""The distortion of an image intensifier, as a polynomial, and images without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from ..geometry.rigid import Array


def powers(pixels: Array, size: tuple[int, int], order: int) -> Array:
    """(n, terms): the products of powers of x and y up to an order, x and y from -1 to 1 across the longer side.

    pixels: (n, 2). size: (width, height) of the image.
    """
    width, height = size
    x, y = ((np.asarray(pixels) - ((width - 1) / 2, (height - 1) / 2)) / (max(width, height) / 2)).T
    return np.stack([x ** (total - n) * y**n for total in range(order + 1) for n in range(total + 1)], axis=1)


def filled(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image (rows, columns) with unmeasured pixels set to the nearest measured one, so that its rim has no step."""
    if mask.all() or not mask.any():
        return image
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


@dataclass(frozen=True, eq=False)
class Distortion:
    """Where the pixels of an undistorted image lie in the image as it was taken.

    coefficients: (terms, 2) of `powers`. size: (width, height). known: (n, 2) px, undistorted places at which the
    distortion was measured; beyond their hull, widened by `margin` px, nothing is known.
    """

    coefficients: Array
    size: tuple[int, int]
    order: int
    known: Array
    margin: float = 0.0

    @classmethod
    def fitted(cls, ideal: Array, taken: Array, size: tuple[int, int], order: int, margin: float = 0.0) -> Distortion:
        """The polynomial that maps ideal places (n, 2) px to those where they were taken (n, 2) best."""
        found = np.linalg.lstsq(powers(ideal, size, order), taken, rcond=None)[0]
        return cls(found.astype(np.float64), size, order, ideal, margin)

    def taken(self, pixels: Array) -> Array:
        """(n, 2) px in the image as it was taken, of undistorted pixels (n, 2)."""
        return powers(pixels, self.size, self.order) @ self.coefficients

    def undistorted(self, pixels: Array, iterations: int = 20) -> Array:
        """(n, 2) undistorted px of pixels (n, 2) in the image as it was taken, by fixed-point iteration."""
        found = np.array(pixels, dtype=np.float64)
        for _ in range(iterations):
            found += pixels - self.taken(found)
        return found

    def undistort(self, image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """An image (rows, columns) and its mask without the distortion, by cubic interpolation, once.

        A pixel counts as measured where the nearest pixels of the image were and where the distortion is known.
        """
        width, height = self.size
        y, x = np.mgrid[:height, :width]
        places = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)
        taken = self.taken(places)
        at = taken[:, ::-1].T
        values = ndimage.map_coordinates(filled(np.asarray(image, np.float32), mask), at, order=3, mode="nearest")
        whole = ndimage.map_coordinates(mask.astype(np.float32), at, order=1, mode="constant", cval=0.0) > 0.999
        measured = (whole & self._known(places)).reshape(height, width)
        return np.where(measured, values.reshape(height, width), 0).astype(np.float32), measured

    def _known(self, places: Array) -> np.ndarray:
        inside = np.ones(len(places), bool)
        for x, y, offset in ConvexHull(self.known).equations:
            inside &= places @ (x, y) + offset <= self.margin
        return inside
