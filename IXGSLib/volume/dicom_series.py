"""A DICOM series of parallel slices as a volume."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from ..errors import FormatError, TruncatedFile
from ..geometry import Grid
from ..geometry.rigid import Array

TAGS = ("SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


@dataclass(frozen=True, eq=False)
class _Slice:
    """One file of the series: its values (rows, columns) and its place in the patient, LPS mm."""

    path: Path
    series: str
    values: np.ndarray
    position: Array
    axes: Array
    spacing: tuple[float, float]


def read_series(folder: Path) -> tuple[np.ndarray, Grid]:
    """Values (float32 [k, j, i], rescaled: HU of a CT) and grid of the one DICOM series in a folder.

    Files that are not DICOM and subfolders are ignored.
    Raises FormatError for no or several series, gaps, unequal spacing, gantry tilt and MR; TruncatedFile.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and _is_dicom(path))
    slices = [_read_slice(path) for path in files]
    if len(slices) < 2:
        raise FormatError(f"{folder}: {len(slices)} DICOM slices, expected a folder with one CT series")
    series = {piece.series for piece in slices}
    if len(series) > 1:
        raise FormatError(f"{folder}: {len(series)} DICOM series, expected one; put each into a folder of its own")
    first = slices[0]
    for piece in slices:
        same = piece.values.shape == first.values.shape and np.allclose(piece.spacing, first.spacing, rtol=1e-3)
        if not same or not np.allclose(piece.axes, first.axes, atol=1e-4):
            raise FormatError(
                f"{piece.path}: size, pixel spacing or orientation differ from {first.path.name}; keep one series only"
            )
    slices.sort(key=lambda piece: float(piece.position @ first.axes[2]))
    step = _check_steps(folder, slices)
    column, row = first.spacing[1], first.spacing[0]
    values = np.stack([piece.values for piece in slices])
    return values, Grid(values.shape, np.array([column, row, step]), slices[0].position, first.axes.T)


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM" and path.name != "DICOMDIR"


def _read_slice(path: Path) -> _Slice:
    try:
        dataset = pydicom.dcmread(path)
        missing = [tag for tag in TAGS if tag not in dataset]
        if missing:
            raise TruncatedFile(f"{path}: has no {', '.join(missing)}; expected a complete CT slice; copy it again")
        if dataset.get("Modality") == "MR":
            raise FormatError(f"{path}: is an MR image, expected CT: only CT values measure attenuation")
        values = dataset.pixel_array
    except (InvalidDicomError, AttributeError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise TruncatedFile(f"{path}: its pixels cannot be decoded ({error}); copy or export it again") from error
    if values.ndim != 2:
        raise FormatError(f"{path}: pixels of shape {values.shape}, expected one grey slice per file")
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    row, column = np.array(dataset.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
    return _Slice(
        path=path,
        series=str(dataset.SeriesInstanceUID),
        values=(values * slope + intercept).astype(np.float32),
        position=np.array(dataset.ImagePositionPatient, dtype=np.float64),
        axes=_orthonormal(path, row, column),
        spacing=(float(dataset.PixelSpacing[0]), float(dataset.PixelSpacing[1])),
    )


def _orthonormal(path: Path, row: Array, column: Array) -> Array:
    """(3, 3) the directions of i, j, k as rows, with the decimal rounding of the header removed."""
    if abs(row @ row - 1) > 1e-2 or abs(column @ column - 1) > 1e-2 or abs(row @ column) > 1e-2:
        raise FormatError(f"{path}: ImageOrientationPatient is not two perpendicular unit vectors; export it again")
    row = row / np.linalg.norm(row)
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    return np.stack([row, np.cross(normal, row), normal])


def _check_steps(folder: Path, slices: list[_Slice]) -> float:
    """The slice spacing in mm; raises FormatError unless the slices are one straight, even stack."""
    offsets = np.stack([piece.position - slices[0].position for piece in slices]) @ slices[0].axes.T
    steps = np.diff(offsets[:, 2])
    step = float(np.median(steps))
    worst = int(np.argmax(np.abs(steps - step)))
    if step <= 0 or abs(steps[worst] - step) > max(0.02, 0.01 * step):
        raise FormatError(
            f"{folder}: {slices[worst].path.name} and {slices[worst + 1].path.name} are {steps[worst]:.3f} mm apart, "
            f"the others {step:.3f} mm; expected equal steps: add the missing slices or remove duplicates"
        )
    drift = float(np.abs(offsets[:, :2]).max())
    if drift > min(slices[0].spacing) / 2:
        raise FormatError(
            f"{folder}: the slices drift {drift:.1f} mm sideways (gantry tilt), expected a straight stack; "
            "correct the tilt first, for example by Slicer's DICOM import"
        )
    return float(steps.mean())
