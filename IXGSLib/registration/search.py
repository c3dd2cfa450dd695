"""Where the CT is in the X-rays, from anywhere: the CT's bone is correlated with a coarse volume of the X-rays in 3D.

The correlation of two volumes by Fourier transform tries every shift at once, for a few rotations; its peaks are
candidates, which are then compared with the X-rays themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial.transform import Rotation

from ..geometry import Grid, View
from ..geometry.coverage import convergence
from ..geometry.rigid import Array, apply, rigid
from ..rendering.joseph import backproject
from ..xray import XRay
from ..xray.reduction import reduced
from .adjustment import Window, adjusted
from .bones import Bone
from .pictures import SEARCHING, stack

VOXEL_MM = 5.0
MAX_SIDE_MM = 320.0
"""Longest side of the volume that the X-rays are reconstructed in."""
TILT_DEG = 14.0
"""Rotations that are tried, about each axis to either side."""
FINEST_BLUR_MM, COARSEST_BLUR_MM = 3.0, 18.0
"""Blurs between which structures are correlated: smaller ones do not match yet, larger ones are soft tissue."""
PEAKS = 64
"""Candidates that are compared with the X-rays."""
KEPT = 8
"""Candidates that are refined."""
PEAK_DISTANCE_MM = 12.0
FIRST_ITERATIONS, ITERATIONS = 3, 12


@dataclass(frozen=True, eq=False)
class Candidate:
    """A pose (4, 4) world_from_ct of the whole spine, and 1 - correlation with all X-rays."""

    pose: Array
    loss: float


def candidates(spine: Bone, xrays: Sequence[XRay], turns: Sequence[Array] = (np.eye(3),)) -> list[Candidate]:
    """Poses of the spine as one body, the best first; turns: (3, 3) rotations near which it is searched."""
    return refined(spine, xrays, peaks(spine, xrays, turns))


def spread(xrays: Sequence[XRay], count: int) -> list[XRay]:
    """Up to `count` X-rays, whose lines of sight differ most."""
    axes = np.array([xray.view.axis for xray in xrays])
    chosen = [0]
    while len(chosen) < min(count, len(xrays)):
        nearest = np.abs(axes @ axes[chosen].T).max(axis=1)
        nearest[chosen] = np.inf
        chosen.append(int(np.argmin(nearest)))
    return [xrays[n] for n in sorted(chosen)]


def refined(spine: Bone, xrays: Sequence[XRay], poses: Sequence[Array]) -> list[Candidate]:
    """Poses after they were compared with the X-rays and adjusted, those that ended at the same place once."""
    center = convergence([xray.view for xray in xrays])
    window = Window.whole(stack(xrays, SEARCHING, center), spine)
    first = sorted((adjusted(window, pose, FIRST_ITERATIONS) for pose in poses), key=lambda fit: fit.loss)
    fits = [adjusted(window, fit.pose, ITERATIONS) for fit in _distinct(first, spine)[:KEPT]]
    fits.sort(key=lambda fit: fit.loss)
    return [Candidate(fit.pose, fit.loss) for fit in _distinct(fits, spine)]


def _distinct(fits: Sequence, spine: Bone) -> list:
    """The fits without those near a better one."""
    kept: list = []
    places: list[Array] = []
    for fit in fits:
        place = apply(fit.pose, spine.extent[::97])
        if all(np.linalg.norm(place - other, axis=1).mean() > PEAK_DISTANCE_MM for other in places):
            kept.append(fit)
            places.append(place)
    return kept


def peaks(spine: Bone, xrays: Sequence[XRay], turns: Sequence[Array]) -> list[Array]:
    """Poses (4, 4) at which the CT's bone correlates best with a coarse volume of the X-rays."""
    grid = _search_grid([xray.view for xray in xrays])
    target = _back_projected(xrays, grid)
    found: list[tuple[float, Array]] = []
    for turn in turns:
        for tilt in _tilts():
            found += _peaks_of_turn(spine, target, grid, tilt @ turn)
    found.sort(key=lambda peak: -peak[0])
    return [pose for _, pose in found[:PEAKS]]


def _tilts() -> list[Array]:
    axes = np.deg2rad(TILT_DEG) * np.concatenate([np.eye(3), -np.eye(3)])
    return [np.eye(3), *Rotation.from_rotvec(axes).as_matrix()]


def _search_grid(views: Sequence[View]) -> Grid:
    """A cube around the point where the rays meet that holds what at least one view sees there."""
    center = convergence(views)
    side = max(max(view.size) * view.pixel_size(center) for view in views)
    return Grid.centered(center, np.full(3, min(1.1 * side, MAX_SIDE_MM)), VOXEL_MM)


def _back_projected(xrays: Sequence[XRay], grid: Grid) -> np.ndarray:
    """The mean of the X-rays along their rays, without coarse structures, each view with equal weight."""
    total = np.zeros(grid.shape, np.float32)
    for xray in xrays:
        size = xray.view.pixel_size(grid.center)
        small = reduced(xray, max(1, int(VOXEL_MM / 2 / size)))
        pixel = small.view.pixel_size(grid.center)
        image = _masked_blur(small, FINEST_BLUR_MM / pixel) - _masked_blur(small, COARSEST_BLUR_MM / pixel)
        image = np.where(small.mask, image, 0)
        total += backproject(image / max(float(image.std()), 1e-9), grid, small.view)
    return total


def _masked_blur(xray: XRay, sigma: float) -> np.ndarray:
    weight = gaussian_filter(xray.mask.astype(np.float32), sigma)
    return gaussian_filter(np.where(xray.mask, xray.image, 0), sigma) / np.maximum(weight, 1e-3)


def _band(values: np.ndarray) -> np.ndarray:
    fine, coarse = (gaussian_filter(values, blur / VOXEL_MM) for blur in (FINEST_BLUR_MM, COARSEST_BLUR_MM))
    return (fine - coarse).astype(np.float32)


def _peaks_of_turn(spine: Bone, target: np.ndarray, grid: Grid, turn: Array) -> list[tuple[float, Array]]:
    """The best shifts for one rotation, with their correlation; grid: of the target, along the world's axes."""
    points = spine.clouds[max(spine.clouds)]
    turned = points.positions @ turn.T
    low = turned.min(axis=0) - 2 * COARSEST_BLUR_MM
    counts = np.ceil((turned.max(axis=0) - low + 2 * COARSEST_BLUR_MM) / VOXEL_MM).astype(int)
    index = np.rint((turned - low) / VOXEL_MM).astype(int)[:, ::-1]
    template = np.zeros(counts[::-1], np.float32)
    np.add.at(template, tuple(index.T), points.amounts)
    template = _band(template)
    shape = [fft.next_fast_len(a + b, real=True) for a, b in zip(target.shape, template.shape, strict=True)]
    spectrum = fft.rfftn(target, shape, workers=-1) * np.conj(fft.rfftn(template, shape, workers=-1))
    scores = fft.irfftn(spectrum, shape, workers=-1)
    reach = int(PEAK_DISTANCE_MM / VOXEL_MM)
    best = scores == maximum_filter(scores, 2 * reach + 1, mode="wrap")
    order = np.argsort(-np.where(best, scores, -np.inf), axis=None)[:PEAKS]
    peaks = []
    for place in np.stack(np.unravel_index(order, scores.shape), axis=1):
        offset = np.where(place > np.array(target.shape) - 1, place - shape, place)[::-1]
        shift = grid.origin + VOXEL_MM * offset - low
        peaks.append((float(scores[tuple(place)]), rigid(turn, shift)))
    return peaks
