"""Resampling a volume on another grid."""

from __future__ import annotations

import SimpleITK as sitk

from ..geometry import Grid
from .volume import Volume


def resample(volume: Volume, grid: Grid) -> Volume:
    """The volume on another grid by trilinear interpolation, 0 outside the old one.

    Values are interpolated, not averaged: smooth the volume first when the new voxels are much larger.
    """
    nk, nj, ni = grid.shape
    image = sitk.Resample(
        _image(volume),
        (ni, nj, nk),
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear,
        grid.origin.tolist(),
        grid.spacing.tolist(),
        grid.direction.ravel().tolist(),
        0.0,
        sitk.sitkFloat32,
    )
    return Volume(sitk.GetArrayFromImage(image), grid)


def _image(volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(volume.values)
    image.SetOrigin(volume.grid.origin.tolist())
    image.SetSpacing(volume.grid.spacing.tolist())
    image.SetDirection(volume.grid.direction.ravel().tolist())
    return image
