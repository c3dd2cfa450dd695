"""A CT decomposed into materials, and their line integrals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..compute.lanes import kernel
from ..compute.threads import run
from ..geometry import Grid, View
from ..geometry.rigid import apply
from ..rendering.joseph import lattice_path, lattice_rays
from ..volume import Volume
from ..volume.resampling import resample
from .attenuation import all_tissue, bone_enhanced

BONE_MIXTURE_HU = (100.0, 1500.0)
"""Range in which a voxel is a mixture, by volume, of soft tissue and cortical bone."""
MIN_METAL_HU = 3000.0
"""Value above which a voxel is metal."""
MIN_BODY_HU = -700.0
"""Value above which a voxel belongs to the body."""


@dataclass(frozen=True, eq=False)
class Body:
    """Attenuation at 70 keV, 1/mm, of water, bone, metal and enhanced bone: float32 [k, j, i, 4] on a grid.

    back: LPS y of the patient's back, mm.
    density: factors on the attenuation of soft tissue and of bone.
    step: midpoint and width, HU, of the logistic step that enhances bone.
    """

    values: np.ndarray
    grid: Grid
    back: float
    density: tuple[float, float] = (1.0, 1.0)
    step: tuple[float, float] = (200.0, 30.0)

    def line_integrals(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """(3, height, width) of water, bone and metal at 70 keV, and (height, width) of enhanced bone; float32."""
        images = np.zeros((view.size[1], view.size[0], 4), np.float32)
        size = np.array(self.grid.shape[::-1])
        run(_project, view.size[1], self.values.reshape(-1), size, *lattice_rays(self.grid, view), images)
        water, bone = self.density
        channels = np.ascontiguousarray(np.moveaxis(images * np.array([water, bone, 1, bone], np.float32), -1, 0))
        return channels[:3], channels[3]


def materials(hounsfield: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attenuation at 70 keV, 1/mm, of water, bone and metal, which add up to the attenuation of the voxel.

    Within `BONE_MIXTURE_HU` the volume fraction of bone grows linearly from soft tissue to cortical bone, each with the
    density at its end of the range; above, a voxel is bone of increasing density.
    """
    hounsfield = np.asarray(hounsfield, dtype=np.float32)
    low, high = BONE_MIXTURE_HU
    total = all_tissue(hounsfield)
    bone = np.clip((hounsfield - low) / (high - low), 0, 1) * all_tissue(np.maximum(hounsfield, high))
    bone = np.where(hounsfield > MIN_METAL_HU, 0, np.minimum(bone, total))
    metal = np.where(hounsfield > MIN_METAL_HU, total, 0)
    return total - bone - metal, bone, metal


def body(
    hounsfield: np.ndarray,
    grid: Grid,
    threshold: float,
    softness: float,
    spacing: float = 1.25,
    bone: np.ndarray | None = None,
) -> Body:
    """The body in a CT [k, j, i] in HU, on voxels of at least `spacing` mm.

    threshold, softness: of the step, in HU, that enhances bone. bone: the HU that are enhanced, where they are not
    those of the CT. HU are converted to materials voxel by voxel, before anything is averaged; the air around the body
    is cropped.
    """
    enhanced = hounsfield if bone is None else bone
    window, grid = _cropped(hounsfield, grid)
    coarse = _coarser(grid, spacing)
    parts = (*materials(hounsfield[window]), bone_enhanced(enhanced[window], threshold, softness))
    values = np.empty((*coarse.shape, 4), np.float32)
    for n, part in enumerate(parts):
        values[..., n] = part if coarse is grid else resample(Volume(part, grid), coarse).values
    return Body(values, coarse, float(grid.corners()[:, 1].max()), step=(threshold, softness))


def _cropped(values: np.ndarray, grid: Grid) -> tuple[tuple[slice, ...], Grid]:
    """The window of a CT that holds the body, and its grid."""
    inside = values > MIN_BODY_HU
    if not inside.any():
        return (slice(None),) * 3, grid
    spans = []
    for axis in range(3):
        there = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        spans.append(slice(max(0, there[0] - 1), there[-1] + 2))
    window = tuple(spans)
    nk, nj, ni = values[window].shape
    origin = apply(grid.world_from_index, [span.start for span in reversed(spans)])
    return window, Grid((nk, nj, ni), grid.spacing, origin, grid.direction)


def _coarser(grid: Grid, spacing: float) -> Grid:
    """The box of a grid with voxels of at least `spacing` mm along each axis; coarser axes stay as they are."""
    if np.all(grid.spacing >= spacing):
        return grid
    voxels = np.where(grid.spacing < spacing, np.ceil(grid.size / spacing), grid.shape[::-1])
    sides = grid.size / voxels
    ni, nj, nk = (int(n) for n in voxels)
    return Grid((nk, nj, ni), sides, grid.center - grid.direction @ ((voxels - 1) / 2 * sides), grid.direction)


@kernel
def _project(chunk, start, stop, values, size, source, directions, spacing, images):
    """Joseph's method as in `rendering.joseph`, for four volumes at a time, which share memory accesses."""
    u, f = np.uint64, np.float32
    strides = (4, 4 * size[0], 4 * size[0] * size[1])
    for y in range(start, stop):
        for x in range(images.shape[1]):
            m, a, b, pa, sa, pb, sb, low, high, step = lattice_path(x, y, size, source, directions, spacing)
            t0 = t1 = t2 = t3 = f(0)
            for n in range(low, high + 1):
                ca, cb = pa + sa * n, pb + sb * n
                ia, ib = math.floor(ca), math.floor(cb)
                wa, wb = f(ca - ia), f(cb - ib)
                # Outside the lattice the border voxel is read again, with weight zero.
                wa0, wa1 = (f(1) - wa if ia >= 0 else f(0)), (wa if ia + 1 < size[a] else f(0))
                wb0, wb1 = (f(1) - wb if ib >= 0 else f(0)), (wb if ib + 1 < size[b] else f(0))
                row0 = n * strides[m] + max(ia, 0) * strides[a]
                row1 = n * strides[m] + min(ia + 1, size[a] - 1) * strides[a]
                column0, column1 = max(ib, 0) * strides[b], min(ib + 1, size[b] - 1) * strides[b]
                p00, p10 = u(row0 + column0), u(row1 + column0)
                p01, p11 = u(row0 + column1), u(row1 + column1)
                w00, w10, w01, w11 = wa0 * wb0, wa1 * wb0, wa0 * wb1, wa1 * wb1
                t0 += w00 * values[p00] + w10 * values[p10] + w01 * values[p01] + w11 * values[p11]
                p00, p10, p01, p11 = p00 + u(1), p10 + u(1), p01 + u(1), p11 + u(1)
                t1 += w00 * values[p00] + w10 * values[p10] + w01 * values[p01] + w11 * values[p11]
                p00, p10, p01, p11 = p00 + u(1), p10 + u(1), p01 + u(1), p11 + u(1)
                t2 += w00 * values[p00] + w10 * values[p10] + w01 * values[p01] + w11 * values[p11]
                p00, p10, p01, p11 = p00 + u(1), p10 + u(1), p01 + u(1), p11 + u(1)
                t3 += w00 * values[p00] + w10 * values[p10] + w01 * values[p01] + w11 * values[p11]
            images[y, x, 0] = t0 * step
            images[y, x, 1] = t1 * step
            images[y, x, 2] = t2 * step
            images[y, x, 3] = t3 * step
