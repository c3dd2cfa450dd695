"""The X-rays as a CT is compared with them: bone stands out, at several resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from ..formats import Case
from ..geometry.rigid import Array
from ..standardization import StandardizationSettings, standardize
from ..xray import XRay
from ..xray.reduction import reduced
from .settings import Pictures

TISSUE_RATIO = 0.4
"""Ratio of the median line integral to its 95th percentile from which soft tissue fills an X-ray: bone alone leaves
most of an image dark."""
SHADOW_WIDTH = 1.2
"""Standard deviation of the shadow of a point, in pixels of the resolution."""
PICTURE_BLUR = 0.7
"""Blur of the X-rays as a fraction of that width; the CT itself is blurred by its voxels."""


@dataclass(frozen=True, eq=False)
class Resolution:
    """pixel: side of a pixel at the region, mm. pitch: distance of the points of bone, mm."""

    pixel: float
    pitch: float


SEARCHING, COARSE, FINE = Resolution(4.8, 10.0), Resolution(2.4, 5.0), Resolution(1.2, 2.5)


@dataclass(frozen=True, eq=False)
class Stack:
    """X-rays at one resolution, padded to one size.

    images: (views, height, width) float32, minus their mean. masks: float32, 1 where measured.
    matrices: (views, 3, 3) K. camera_from_world: (views, 4, 4). pixel: side of a pixel at the region, mm. pitch: of the
    points that are drawn, mm. sigma: width of shadows, pixels.
    """

    xrays: tuple[XRay, ...]
    images: np.ndarray
    masks: np.ndarray
    matrices: Array
    camera_from_world: Array
    pixel: float
    pitch: float
    sigma: float

    def __len__(self) -> int:
        return len(self.images)

    def cameras(self, world_from_ct: Array) -> Array:
        """(views, 3, 4) the cameras' axes from the CT."""
        return np.ascontiguousarray((self.camera_from_world @ world_from_ct)[:, :3])


def pictures(case: Case, choice: Pictures) -> tuple[XRay, ...]:
    """The X-rays of a case in which bone stands out; choice: as in `RegistrationSettings`."""
    made = case.standardization
    raw = made.raw if made is not None else {}
    originals = all(xray.view.id in raw for xray in case.xrays)
    if choice == "given" or (choice == "auto" and not originals and not any(map(_shows_tissue, case.xrays))):
        return case.xrays
    if originals:
        xrays = tuple(replace(raw[xray.view.id], view=xray.view) for xray in case.xrays)
        case = replace(case, xrays=xrays, standardization=None)
    return standardize(case, StandardizationSettings(method="classical")).xrays


def _shows_tissue(xray: XRay) -> bool:
    measured = xray.image[xray.mask]
    return bool(measured.size and np.median(measured) > TISSUE_RATIO * np.percentile(measured, 95))


def stack(xrays: Sequence[XRay], resolution: Resolution, center: Array) -> Stack:
    """X-rays reduced to a resolution at a point (3,), LPS mm; coarser X-rays keep their pixels."""
    small = [reduced(xray, max(1, round(resolution.pixel / xray.view.pixel_size(center)))) for xray in xrays]
    pixel = float(np.median([xray.view.pixel_size(center) for xray in small]))
    sigma = SHADOW_WIDTH * max(1.0, resolution.pixel / pixel)
    width, height = np.max([xray.view.size for xray in small], axis=0)
    images = np.zeros((len(small), height, width), np.float32)
    masks = np.zeros_like(images)
    for n, xray in enumerate(small):
        window = (n, slice(xray.view.size[1]), slice(xray.view.size[0]))
        masks[window] = xray.mask
        images[window] = _blurred(xray, PICTURE_BLUR * sigma)
    matrices = np.stack([xray.view.K for xray in small])
    cameras = np.stack([xray.view.camera_from_world for xray in small])
    return Stack(tuple(small), images, masks, matrices, cameras, pixel, resolution.pitch, sigma)


def _blurred(xray: XRay, sigma: float) -> np.ndarray:
    """The mean of the measured pixels around each, with Gaussian weights, minus that of all."""
    mean = float(xray.image[xray.mask].mean()) if xray.mask.any() else 0.0
    weight = gaussian_filter(xray.mask.astype(np.float32), sigma)
    return gaussian_filter(np.where(xray.mask, xray.image - mean, 0), sigma) / np.maximum(weight, 1e-3)
