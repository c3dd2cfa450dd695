"""Scalar 3D images from files: NRRD, MetaImage, NIfTI, or a folder with one DICOM series."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import FormatError, NotAnImage
from ..geometry import Grid
from ..geometry.rigid import MAX_ROTATION_ERROR, Array
from ..parsing import parsing
from ..rasters.numbers import read_numbers
from ..rasters.reading import read_header
from .dicom_series import read_series
from .nifti import MAX_VOXELS, check_nifti

NIFTI = (".nii", ".nii.gz")
SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd", *NIFTI)
MAX_HEADER_ROUNDING = 1e-4
"""Largest deviation from right angles that the rounding of float32 and decimal headers explains."""

Image = tuple[np.ndarray, Array, Array, Array]
"""Values (float32 [k, j, i]), spacing, origin and direction."""


def read_image(path: str | os.PathLike[str]) -> tuple[np.ndarray, Grid]:
    """Values (float32 [k, j, i], in the unit of the file: HU for a CT, 1/mm for a volume) and their grid.

    path: a .nrrd, .nhdr, .mha, .mhd, .nii or .nii.gz file, or a folder with one DICOM series.
    A left-handed lattice becomes right-handed by reversing the order of its slices; nothing is interpolated.
    Raises NotAnImage, TruncatedFile, and FormatError for a sheared lattice, for NaN, and for anything other than one
    scalar per voxel in three dimensions.
    """
    path = Path(path)
    if path.is_dir():
        with parsing(str(path)):
            return read_series(path)
    if not path.is_file():
        raise FormatError(f"{path}: no such file; check the name")
    if not path.name.lower().endswith(SUFFIXES):
        raise NotAnImage(f"{path}: expected one of {', '.join(SUFFIXES)} or a folder with one DICOM series")
    read = _read_nifti if path.name.lower().endswith(NIFTI) else _read_raster
    with parsing(str(path)):
        values, spacing, origin, direction = read(path)
    broken = int(np.count_nonzero(~np.isfinite(values)))
    if broken:
        raise FormatError(
            f"{path}: {broken} of {values.size} voxels are NaN or infinite, expected finite values; export it again"
        )
    return _right_handed(values, spacing, origin, _checked(direction, path))


def _read_raster(path: Path) -> Image:
    header = read_header(path)
    _check_size(path, header.sizes)
    with np.errstate(over="ignore"):
        values = read_numbers(header).astype(np.float32, copy=False)
    return values.reshape(header.sizes[::-1]), header.spacing, header.origin, header.direction


def _read_nifti(path: Path) -> Image:
    check_nifti(path)
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("NiftiImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check_size(path, reader.GetSize(), reader.GetNumberOfComponents())
        image = reader.Execute()
    except RuntimeError as error:
        raise NotAnImage(f"{path}: cannot be read as an image ({_reason(error)}); export it again") from error
    values = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return values, np.array(image.GetSpacing()), np.array(image.GetOrigin()), direction


def _check_size(path: Path, size: Sequence[int], components: int = 1) -> None:
    if len(size) != 3 or components != 1:
        raise FormatError(
            f"{path}: {len(size)} dimensions with {components} values per voxel, expected 3 dimensions with one; "
            "export a single scalar volume"
        )
    if np.prod(size, dtype=float) > MAX_VOXELS:
        raise FormatError(f"{path}: {tuple(size)} voxels, expected at most {MAX_VOXELS} in all; crop or resample it")


def _checked(direction: Array, path: Path) -> Array:
    """The direction without the rounding of headers; larger errors are left to the grid, which warns about them."""
    error = np.abs(direction.T @ direction - np.eye(3)).max()
    if not error <= MAX_ROTATION_ERROR:
        raise FormatError(
            f"{path}: its axes deviate from right angles by {error:.2g}, expected a lattice without shear (gantry "
            "tilt); resample it on a rectangular lattice"
        )
    if error > MAX_HEADER_ROUNDING:
        return direction
    U, _, Vt = np.linalg.svd(direction)
    return U @ Vt if error > 0 else direction


def _right_handed(values: np.ndarray, spacing: Array, origin: Array, direction: Array) -> tuple[np.ndarray, Grid]:
    if np.linalg.det(direction) < 0:
        origin = origin + direction[:, 2] * spacing[2] * (values.shape[0] - 1)
        direction = direction * (1, 1, -1)
        values = np.ascontiguousarray(values[::-1])
    return values, Grid(values.shape, spacing, origin, direction)


def _reason(error: RuntimeError) -> str:
    """The last line of ITK's message, which states the cause without the C++ source file."""
    return str(error).strip().splitlines()[-1].strip()
