"""Inputs that cannot be registered, refused by name before anything is computed."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from ..errors import FormatError, GeometryError
from ..formats import Case
from ..geometry import Grid
from ..geometry.coverage import convergence, widest_angle
from ..geometry.rigid import Array
from .settings import MIN_ANGLE_DEG, MIN_VIEWS

MAX_CT_MINIMUM = 0.0
"""Smallest value from which an image holds no air and is not in Hounsfield units."""
MIN_BONE_FRACTION = 1e-4
"""Fraction of the voxels above the bone threshold below which a CT shows no bone."""
SOFT_TISSUE_HU = (-250.0, 200.0)
"""Range of the median of the tissue around vertebrae: fat, muscle, and lung beside it."""
RIM_MM = (6.0, 20.0)
"""Distances from the vertebrae between which that tissue lies."""
RIM_VOXEL_MM = 4.0
"""Distance of the voxels that are looked at there."""
MIN_CONTRAST_HU = 20.0
"""By how much the median of vertebrae exceeds that of the tissue around them, even in osteoporosis."""
GRID_TOLERANCE_MM = 0.1
"""Largest distance of corresponding voxels of a CT and its labels."""


def check_views(case: Case) -> None:
    """Raises GeometryError for too few views and for views that are too much alike."""
    if len(case.xrays) < MIN_VIEWS:
        raise GeometryError(
            f"case '{case.name}': {len(case.xrays)} view, expected at least {MIN_VIEWS}: the depth of a vertebra along "
            "a single beam is not determined; add a view from another direction"
        )
    angle = widest_angle(case.views, convergence(case.views))
    if angle < MIN_ANGLE_DEG:
        raise GeometryError(
            f"case '{case.name}': the lines of sight differ by {angle:.0f} degrees at most, expected at least "
            f"{MIN_ANGLE_DEG:.0f}: depth is hardly measured; add a view from another direction"
        )


def check_ct(hounsfield: np.ndarray, threshold: float, name: str) -> None:
    """Raises FormatError for values that are not Hounsfield units, and for a CT without bone."""
    lowest = float(hounsfield.min())
    if lowest >= MAX_CT_MINIMUM:
        raise FormatError(
            f"{name}: the smallest value is {lowest:g}, expected Hounsfield units with air near -1000: an MR has no "
            "such unit and cannot be registered; if it is a CT with an offset, subtract it (usually 1024)"
        )
    if float((hounsfield > threshold).mean()) < MIN_BONE_FRACTION:
        raise FormatError(
            f"{name}: hardly any voxel is above {threshold:g} HU, expected bone: give a CT in Hounsfield units that "
            "shows the spine, or lower the bone threshold"
        )


def check_same_grid(grid: Grid, labels: Grid, name: str) -> None:
    """Raises GeometryError where labels lie on another grid than their CT."""
    if labels.shape != grid.shape:
        raise GeometryError(
            f"{name}: labels of {_size(labels)} voxels, the CT has {_size(grid)}; give labels on the CT's own voxels, "
            "as the segmentation saved them, or resample them on the CT"
        )
    apart = float(np.linalg.norm(labels.corners() - grid.corners(), axis=1).max())
    if apart > GRID_TOLERANCE_MM:
        raise GeometryError(
            f"{name}: the labels lie {apart:.1f} mm from the CT's voxels, expected the same origin, spacing and axes; "
            "give labels of this CT, or resample them on it"
        )


def check_labelled(hounsfield: np.ndarray, inside: np.ndarray, spacing: Array, name: str) -> None:
    """Raises FormatError where labelled vertebrae are no bone amid soft tissue, as in an MR.

    inside: bool [k, j, i], voxels of vertebrae. spacing: (3,) mm along i, j, k.
    """
    steps = np.maximum(1, np.rint(RIM_VOXEL_MM / spacing[::-1])).astype(int)
    every = tuple(slice(None, None, step) for step in steps)
    distance = distance_transform_edt(~inside[every], sampling=spacing[::-1] * steps)
    hounsfield, inside = hounsfield[every], inside[every]
    rim = (distance > RIM_MM[0]) & (distance < RIM_MM[1])
    if not rim.any():
        return
    bone, tissue = float(np.median(hounsfield[inside])), float(np.median(hounsfield[rim]))
    if not SOFT_TISSUE_HU[0] < tissue < SOFT_TISSUE_HU[1] or bone < tissue + MIN_CONTRAST_HU:
        raise FormatError(
            f"{name}: the labelled vertebrae have a median of {bone:.0f} and the tissue around them of {tissue:.0f}, "
            "expected bone above soft tissue near 0 HU: this is an MR, not in Hounsfield units, or the labels are of "
            "another image"
        )


def _size(grid: Grid) -> str:
    return " x ".join(str(n) for n in reversed(grid.shape))
