"""What X-rays and a volume tell of the error of each voxel, without a truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...geometry import Grid, View
from ...geometry.rigid import Array
from ...volume import Volume
from ...xray import XRay
from ...xray.reduction import reduced

MAX_LATTICE_SIDE = 64
"""Largest number of points along a side of the lattice on which evidence of the views is gathered; it varies slowly."""
PIXELS_PER_STEP = 2.0
"""Pixels along each side for one step of the lattice, at least; finer ones are averaged first."""
BAND_LIMIT = 4.0
"""Wavelengths divide here: the standard deviation in mm, at the region, of the filter that separates the coarse band of
a residual from the fine one."""
SLAB_VOXELS = 2**21
"""Approximate number of voxels whose evidence is in memory at once."""
NEIGHBOURHOOD = 4.0
"""Standard deviation in mm of the filter that tells how much bone is near."""
MIN_MEASURED = 0.25
"""Share of measured pixels in a neighbourhood from which its mean is known."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of each voxel of a volume, float32 [k, j, i] each.

    coverage: how many views measure the least measured direction of a displacement: the smallest eigenvalue of the sum
    of I - d d^T over the views that see the voxel, d the direction of the ray. It is 0 where no view or one view sees
    the voxel, and a further view never lowers it. seen: the number of these views.
    fine, coarse: root mean square over these views of the residual (render minus X-ray, line integrals) around the
    pixel that shows the voxel, below and above BAND_LIMIT.
    value: attenuation, 1/mm, at least 0. slope: magnitude of its gradient times one millimetre, 1/mm. near: mean
    attenuation in the NEIGHBOURHOOD, 1/mm.
    doubt: the expected error of a learnt prior, 1/mm; 0 without one.
    """

    coverage: np.ndarray
    seen: np.ndarray
    fine: np.ndarray
    coarse: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    near: np.ndarray
    doubt: np.ndarray


def gathered(
    volume: Volume, xrays: Sequence[XRay], renders: Sequence[np.ndarray], doubt: Volume | None = None
) -> Evidence:
    """The evidence of each voxel of a volume; renders: (height, width) line integrals in the order of the X-rays.

    doubt: the expected error of a learnt prior on the grid of the volume.
    """
    slabs = [slab for _, slab in gathered_slabs(volume, xrays, renders, doubt)]
    names = Evidence.__dataclass_fields__
    return Evidence(**{name: np.concatenate([getattr(slab, name) for slab in slabs]) for name in names})


def gathered_slabs(
    volume: Volume, xrays: Sequence[XRay], renders: Sequence[np.ndarray], doubt: Volume | None = None
) -> Iterator[tuple[slice, Evidence]]:
    """As `gathered`, a few slices k of the volume at a time, so that memory does not grow with the volume."""
    lattice = lattice_of(volume.grid)
    sigma = NEIGHBOURHOOD / lattice.spacing[::-1]
    coarse_values = np.maximum(enlarged(volume.values, volume.grid, lattice), 0)
    near = ndimage.gaussian_filter(coarse_values, sigma, mode="nearest", truncate=3)
    found = *_views_evidence(lattice, xrays, renders), near
    nk, nj, ni = volume.grid.shape
    step = max(1, SLAB_VOXELS // (nj * ni))
    for first in range(0, nk, step):
        part = slice(first, min(first + step, nk))
        coverage, seen, fine, coarse, around = (enlarged(each, lattice, volume.grid, part) for each in found)
        values = np.maximum(volume.values[part], 0)
        doubts = np.zeros(values.shape, np.float32) if doubt is None else doubt.values[part]
        yield part, Evidence(coverage, seen, fine, coarse, values, _slope(volume, part), around, doubts)


def lattice_of(grid: Grid) -> Grid:
    """The lattice for the evidence of the views: the box of a grid with at most MAX_LATTICE_SIDE points a side."""
    step = max(float(grid.size.max()) / MAX_LATTICE_SIDE, float(grid.spacing.max()))
    counts = np.maximum(1, np.ceil(grid.size / step - 1e-9)).astype(int)
    spacing = grid.size / counts
    origin = grid.center - grid.direction @ ((counts - 1) / 2 * spacing)
    return Grid((int(counts[2]), int(counts[1]), int(counts[0])), spacing, origin, grid.direction)


def enlarged(values: np.ndarray, grid: Grid, onto: Grid, part: slice = slice(None)) -> np.ndarray:
    """Values on one grid of a box linearly interpolated onto another grid of the same box, constant beyond its ends.

    part: the slices k of the other grid that are wanted.
    """
    result = values.astype(np.float32)
    for axis, (have, want) in enumerate(zip(grid.shape, onto.shape, strict=True)):
        wanted = np.arange(want)[part if axis == 0 else slice(None)]
        if have == want:
            result = result[part] if axis == 0 else result
        else:
            place = np.clip((wanted + 0.5) * have / want - 0.5, 0, have - 1)
            low = np.minimum(place.astype(int), max(have - 2, 0))
            weight = (place - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(3)])
            first, second = np.take(result, low, axis), np.take(result, np.minimum(low + 1, have - 1), axis)
            result = first + weight * (second - first)
    return result


def _slope(volume: Volume, part: slice) -> np.ndarray:
    """The magnitude of the gradient in some slices k."""
    first, last = max(part.start - 1, 0), min(part.stop + 1, volume.grid.shape[0])
    values = volume.values[first:last]
    total = np.zeros(values.shape, np.float32)
    for axis, step in enumerate(volume.grid.spacing[::-1]):
        if values.shape[axis] > 1:
            total += np.gradient(values, np.float32(step), axis=axis) ** 2
    return np.sqrt(total[part.start - first : part.stop - first])


def _views_evidence(lattice: Grid, xrays: Sequence[XRay], renders: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Coverage, number of views, fine and coarse residual on a lattice."""
    seen, fine, coarse = (np.zeros(lattice.shape, np.float32) for _ in range(3))
    moments = np.zeros((*lattice.shape, 6), np.float32)
    for xray, render in zip(xrays, renders, strict=True):
        view, mask, bands = residual_bands(xray, render, lattice)
        pixels, inside, ray = _sight(view, lattice)
        shown = inside & mask.ravel()[pixels]
        seen += shown
        fine += np.where(shown, bands[0].ravel()[pixels], 0)
        coarse += np.where(shown, bands[1].ravel()[pixels], 0)
        moments += np.where(shown[..., None], _across(ray), 0)
    count = np.maximum(seen, 1)
    return _smallest_eigenvalue(moments), seen, np.sqrt(fine / count), np.sqrt(coarse / count)


def residual_bands(xray: XRay, render: np.ndarray, lattice: Grid) -> tuple[View, np.ndarray, tuple[np.ndarray, ...]]:
    """The reduced view, its mask, and the local mean squares (h, w) of the fine and coarse band of its residual."""
    residual = XRay(xray.view, np.where(xray.mask, render - xray.image, 0).astype(np.float32), xray.mask)
    pixel = xray.view.pixel_size(lattice.center)
    small = reduced(residual, max(1, int(float(lattice.spacing.min()) / PIXELS_PER_STEP / pixel)))
    sigma = BAND_LIMIT / small.view.pixel_size(lattice.center)
    weight = small.mask.astype(np.float32)
    share = np.maximum(_smooth(weight, sigma), MIN_MEASURED)
    coarse = _smooth(small.image * weight, sigma) / share
    fine = (small.image - coarse) * weight
    return small.view, small.mask, (_smooth(fine**2, sigma) / share, coarse**2)


def _smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(image, sigma, mode="constant", truncate=3)


def _sight(view: View, lattice: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each point: the index of the pixel that shows it, whether the image contains it, and the ray to it (3, ...).

    Homogeneous pixels and rays are linear in the index, so that each is a sum of three vectors along the axes.
    """
    matrix = view.projection_matrix @ lattice.world_from_index
    u, v, depth = (_linear(row, lattice) for row in matrix)
    from_source = lattice.world_from_index[:3].copy()
    from_source[:, 3] -= view.source
    ray = np.stack([_linear(row, lattice) for row in from_source])
    width, height = view.size
    safe = np.maximum(depth, np.float32(1e-6))
    columns, rows = np.rint(u / safe), np.rint(v / safe)
    inside = (depth > 0) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    pixels = np.where(inside, rows * width + columns, 0).astype(np.int32)
    return pixels, inside, ray


def _linear(row: Array, lattice: Grid) -> np.ndarray:
    """row @ (i, j, k, 1) for each index of a lattice, float32 [k, j, i]."""
    i, j, k = (row[n] * np.arange(lattice.shape[2 - n]) for n in range(3))
    terms = (k + row[3])[:, None, None], j[:, None], i
    return np.asarray(sum(term.astype(np.float32) for term in terms))


def _across(ray: np.ndarray) -> np.ndarray:
    """The entries xx, yy, zz, xy, xz, yz of I - d d^T, with d the direction of rays (3, ...): (..., 6)."""
    x, y, z = ray / np.sqrt((ray**2).sum(axis=0))
    return np.stack([1 - x * x, 1 - y * y, 1 - z * z, -x * y, -x * z, -y * z], axis=-1)


def _smallest_eigenvalue(moments: np.ndarray) -> np.ndarray:
    """Of symmetric matrices, given as in `_across`, at least 0."""
    xx, yy, zz, xy, xz, yz = np.moveaxis(moments.astype(np.float64), -1, 0)
    matrices = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=-1).reshape(*xx.shape, 3, 3)
    return np.maximum(np.linalg.eigvalsh(matrices)[..., 0], 0).astype(np.float32)
