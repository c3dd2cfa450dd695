"""The vertebrae of a CT where they are now: as a volume with labels, and as surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from ..geometry import Grid
from ..geometry.rigid import Array, apply, inverse
from ..volume.mesh import Mesh
from .anatomy import Anatomy
from .result import Registration, VertebraPose

AIR_HU = -1000
MARGIN_MM = 10.0
"""Width of the rim around the vertebrae in the volume."""
MIN_SPACING_MM = 0.5
SMOOTHING_VOXELS = 0.7
"""Blur of a label before its surface is taken."""


def vertebra_mask(anatomy: Anatomy, vertebra: VertebraPose) -> tuple[np.ndarray, Grid]:
    """The voxels [k, j, i] bool of a vertebra with a rim of two, and their grid in the CT.

    Without labels: all bone of the CT.
    """
    if anatomy.labels is None or vertebra.label is None:
        where = anatomy.hounsfield > anatomy.threshold
    else:
        where = anatomy.labels == vertebra.label
    inside = np.argwhere(where)
    low, high = inside.min(axis=0), inside.max(axis=0) + 1
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    part = np.pad(where[window], 2)
    origin = apply(anatomy.grid.world_from_index, (low - 2)[::-1])
    return part, replace(anatomy.grid, shape=part.shape, origin=origin)


def in_world(grid: Grid, world_from_ct: Array) -> Grid:
    """A grid of the CT after the motion of a vertebra."""
    direction = world_from_ct[:3, :3] @ grid.direction
    return Grid(grid.shape, grid.spacing, apply(world_from_ct, grid.origin), direction)


def surface(anatomy: Anatomy, vertebra: VertebraPose) -> Mesh:
    """The surface of a vertebra in the world, LPS mm."""
    from skimage.measure import marching_cubes  # slow to import

    mask, grid = vertebra_mask(anatomy, vertebra)
    soft = gaussian_filter(mask.astype(np.float32), SMOOTHING_VOXELS)
    vertices, faces, _, _ = marching_cubes(soft, 0.5, gradient_direction="descent")
    # In its order k, j, i marching_cubes winds triangles inward; reversing the order is a reflection, hence outward.
    return Mesh(apply(in_world(grid, vertebra.world_from_ct).world_from_index, vertices[:, ::-1]), faces)


def save_volumes(registration: Registration, volume: Path, labels: Path) -> None:
    """Write the vertebrae as one volume in HU and as labels, NRRD, on one grid along the world's axes.

    Labels are those of the CT; without labels all bone is 1.
    """
    anatomy, vertebrae = registration.anatomy, registration.vertebrae
    grid = _around(anatomy, vertebrae)
    hounsfield = np.full(grid.shape, AIR_HU, np.float32)
    numbers = np.zeros(grid.shape, np.uint16)
    for vertebra in vertebrae:
        mask, own = vertebra_mask(anatomy, vertebra)
        inside = _resampled(mask.astype(np.float32), own, grid, vertebra.world_from_ct, 0.0) > 0.5
        values = _resampled(_window(anatomy, own), own, grid, vertebra.world_from_ct, AIR_HU)
        hounsfield = np.where(inside, np.maximum(hounsfield, values), hounsfield)
        numbers[inside] = 1 if vertebra.label is None else vertebra.label
    sitk.WriteImage(_image(np.rint(hounsfield).astype(np.int16), grid), str(volume), True)
    sitk.WriteImage(_image(numbers, grid), str(labels), True)


def _window(anatomy: Anatomy, grid: Grid) -> np.ndarray:
    """The CT on a part of its grid, which may reach beyond it by a rim of air."""
    low = np.rint(apply(np.linalg.inv(anatomy.grid.world_from_index), grid.origin)[::-1]).astype(int)
    padded = np.pad(anatomy.hounsfield, 2, mode="edge")
    return padded[tuple(slice(a + 2, a + 2 + n) for a, n in zip(low, grid.shape, strict=True))]


def _around(anatomy: Anatomy, vertebrae: Sequence[VertebraPose]) -> Grid:
    corners = [in_world(vertebra_mask(anatomy, each)[1], each.world_from_ct).corners() for each in vertebrae]
    points = np.concatenate(corners)
    low, high = points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM
    return Grid.centered((low + high) / 2, high - low, max(float(anatomy.grid.spacing.min()), MIN_SPACING_MM))


def _resampled(values: np.ndarray, grid: Grid, target: Grid, world_from_ct: Array, outside: float) -> np.ndarray:
    """Values on a grid of the CT, moved and interpolated on a grid of the world."""
    ct_from_world = inverse(world_from_ct)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(ct_from_world[:3, :3].ravel().tolist())
    transform.SetTranslation(ct_from_world[:3, 3].tolist())
    reference = _image(np.zeros(target.shape, np.uint8), target)
    moved = sitk.Resample(
        _image(np.ascontiguousarray(values, dtype=np.float32), grid), reference, transform, sitk.sitkLinear, outside,
        sitk.sitkFloat32,
    )  # fmt: skip
    return sitk.GetArrayFromImage(moved)


def _image(values: np.ndarray, grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return image
