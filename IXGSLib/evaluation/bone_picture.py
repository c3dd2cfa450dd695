"""Shaded pictures of the bone by orthographic ray casting."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from ..geometry import Grid
from ..volume import Volume
from ..volume.bone import BONE_THRESHOLD
from ..volume.resampling import resample
from .planes import Plane, facing

SMOOTHING = 0.6
"""Standard deviation in voxels: removes the steps between voxels from the shading and hardly moves the surface."""
MAX_PIXELS, MAX_STEPS = 384, 192
"""Largest number of pixels along a side, and of steps along a ray."""
LIGHT = np.array([-0.45, -0.55, -0.7]) / np.linalg.norm([-0.45, -0.55, -0.7])
"""Direction towards the light as (right, down, into the picture): from the upper left, in front of the picture."""
IVORY = np.array([0.98, 0.93, 0.83])
BACKGROUND = np.array([13, 15, 18], dtype=np.uint8)
CREVICE_DEPTH = 12.0
"""Depth in mm behind the surrounding surface at which a point is darkened fully."""


def smoothed(volume: Volume) -> Volume:
    """The volume smoothed for `bone_picture`."""
    return Volume(gaussian_filter(volume.values, SMOOTHING), volume.grid)


def bone_picture(volume: Volume, plane: Plane, threshold: float = BONE_THRESHOLD) -> tuple[np.ndarray, Grid]:
    """The bone seen along the direction of a plane, (h, w, 3) uint8, and the grid that its pixels lie on.

    Rays are parallel; the first crossing of the threshold is shaded by the gradient of attenuation (Levoy 1988) and
    darkened where it lies behind the surrounding surface.
    """
    finest, largest = float(volume.grid.spacing.min()), float(volume.grid.size.max())
    pixel, step = max(finest / 2, largest / MAX_PIXELS), max(finest, largest / MAX_STEPS)
    grid = facing(volume.grid, plane, (pixel, pixel, step))
    values = resample(volume, grid).values
    hit, depth = _first_crossing(values, threshold)
    normals = _normals(values, grid, hit, depth, finest)
    depth_mm = depth * step
    light = _shade(normals) * _cue(depth_mm, hit)[hit]
    picture = np.broadcast_to(BACKGROUND, (*hit.shape, 3)).copy()
    picture[hit] = (255 * np.clip(light[:, None] * IVORY, 0, 1)).astype(np.uint8)
    return picture, grid


def _first_crossing(values: np.ndarray, threshold: float = BONE_THRESHOLD) -> tuple[np.ndarray, np.ndarray]:
    """Whether each ray meets bone, bool (h, w), and after how many steps, float (h, w)."""
    above = values > threshold
    hit, first = np.any(above, axis=0), np.argmax(above, axis=0)
    here = np.take_along_axis(values, first[None], axis=0)[0]
    before = np.take_along_axis(values, np.maximum(first - 1, 0)[None], axis=0)[0]
    rise = np.where(first > 0, here - before, 1)
    back = np.where(first > 0, (here - threshold) / np.where(rise > 0, rise, 1), 0)
    return hit, first - np.clip(back, 0, 1)


def _normals(values: np.ndarray, grid: Grid, hit: np.ndarray, depth: np.ndarray, distance: float) -> np.ndarray:
    """(n, 3) unit normals (right, down, into) at the hits, by central differences over `distance` mm."""
    place = np.stack([depth[hit], *np.nonzero(hit)]).astype(np.float32)
    gradient = np.zeros((place.shape[1], 3), dtype=np.float32)
    for axis, spacing in enumerate(grid.spacing[::-1]):
        offset = np.zeros((3, 1), dtype=np.float32)
        offset[axis] = distance / spacing
        ahead, behind = (map_coordinates(values, place + sign * offset, order=1) for sign in (1, -1))
        gradient[:, 2 - axis] = ahead - behind
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    return -gradient / np.maximum(length, 1e-12)


def _shade(normals: np.ndarray) -> np.ndarray:
    """(n,) brightness by ambient light, a lamp, a headlight and a faint highlight (Blinn 1977)."""
    halfway = LIGHT + (0, 0, -1)
    halfway /= np.linalg.norm(halfway)
    lamp = np.clip(normals @ LIGHT, 0, None)
    head = np.clip(-normals[:, 2], 0, None)
    gloss = np.clip(normals @ halfway, 0, None) ** 24
    return 0.14 + 0.6 * lamp + 0.4 * head + 0.12 * gloss


def _cue(depth: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """(h, w) factor that darkens distant points and crevices; depth in mm."""
    if not hit.any():
        return np.ones(depth.shape)
    near, far = np.percentile(depth[hit], (1, 99))
    distance = np.clip((depth - near) / max(far - near, 1e-6), 0, 1)
    weight = gaussian_filter(hit.astype(np.float32), 5)
    around = gaussian_filter(np.where(hit, depth, 0).astype(np.float32), 5) / np.maximum(weight, 1e-3)
    crevice = np.clip((depth - around) / CREVICE_DEPTH, 0, 1)
    return (1 - 0.35 * distance) * (1 - 0.7 * crevice)
