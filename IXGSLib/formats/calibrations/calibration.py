"""The result of all readers of calibrations, and the geometry that they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ...errors import FormatError, GeometryError, SettingsError
from ...geometry import View
from ...geometry.rigid import Array, constant, inverse, rigid
from ...xray.pixels import Pixels
from .detector import Detector

Unit = Literal["mm", "cm", "m", "in"]
MM_PER_UNIT: dict[str, float] = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}
MAX_RADIANS = 4 * np.pi
"""Largest angle of a view, two turns."""


@dataclass(frozen=True)
class CalibrationOptions:
    """Information that a calibration file does not contain.

    format: the name of a format in `registry.FORMATS`, by default recognised by the content; some formats take a choice
    after a colon, such as the specimen in "deepfluoro:17-1882".
    unit: the unit of all lengths in the file.
    detector: spacing, origin and direction of the images on the detector; only RTK uses more than the spacing.
    first_image: finds an image whose header places the pixels on the detector, for RTK.
    """

    format: str | None = None
    unit: Unit = "mm"
    detector: Detector | None = None
    first_image: Callable[[], Path] | None = None

    def __post_init__(self) -> None:
        if self.unit not in MM_PER_UNIT:
            raise SettingsError(f"unit '{self.unit}', expected one of {', '.join(MM_PER_UNIT)}")

    @property
    def choice(self) -> str:
        """The part of the format after the colon; empty if there is none."""
        return (self.format or "").partition(":")[2]


@dataclass(frozen=True, eq=False)
class CalibratedView:
    """One view of a calibration file, before its image is known.

    matrix: (3, 4), pixels (column, row) of the stored image from world mm. A negative determinant of its left 3x3
    block means that the rows count upwards.
    name: the name of the view in the file.
    size: (width, height) in pixels, if the file states it.
    pixel_spacing: (x, y) mm on the detector, if the file states it.
    centred: whether pixels count from the centre of the image instead of from its first pixel.
    upside_down: whether the rows of the stored image must be reversed for the View.
    image, pixels: the file with the image and the function that reads it, if the calibration comes with images.
    field: makes the mask of a view's collimated field, bool (height, width).
    """

    matrix: Array
    name: str | None = None
    size: tuple[int, int] | None = None
    pixel_spacing: tuple[float, float] | None = None
    centred: bool = False
    upside_down: bool = False
    image: Path | None = None
    pixels: Callable[[], Pixels] | None = None
    field: Callable[[View], np.ndarray] | None = None

    def scaled(self, mm: float) -> CalibratedView:
        """The view in mm, if the unit of length of the file is `mm` millimetres."""
        spacing = self.pixel_spacing
        return replace(
            self,
            matrix=self.matrix / [mm, mm, mm, 1.0],
            pixel_spacing=None if spacing is None else (spacing[0] * mm, spacing[1] * mm),
        )

    def view(self, size: tuple[int, int], id: str) -> View:
        """The View for an image of (width, height) pixels, whose rows are reversed if `upside_down` is set.

        Raises FormatError for another size than the file states, GeometryError for a mirrored or impossible camera.
        """
        if self.size is not None and tuple(self.size) != tuple(size):
            raise FormatError(
                f"view '{id}': the image is {size[0]} x {size[1]} pixels, the calibration {self.size[0]} x "
                f"{self.size[1]}; use the image that was calibrated or calibrate at its size"
            )
        A = np.eye(3)
        if self.centred:
            A[:2, 2] = (np.array(size) - 1) / 2
        if self.upside_down:
            A = np.array([[1.0, 0, 0], [0, -1, size[1] - 1], [0, 0, 1]]) @ A
        P = A @ constant(self.matrix, (3, 4), f"view '{id}': projection matrix")
        if np.linalg.det(P[:, :3]) < 0:
            raise GeometryError(
                f"view '{id}': a mirrored (left-handed) camera, expected a right-handed one; the image or an axis of "
                "the calibration is mirrored: undo the flip"
            )
        return View.from_projection_matrix(P, size, id, self.pixel_spacing)


@dataclass(frozen=True, eq=False)
class Calibration:
    """The views of one or more calibration files.

    views: in the order of the files.
    named: whether the file itself names its views, so that images are matched by name and not by order.
    files: every file that was read.
    provenance: the format, in words.
    """

    views: tuple[CalibratedView, ...]
    named: bool
    files: tuple[Path, ...]
    provenance: str


def pinhole_matrix(K: ArrayLike, camera_from_world: ArrayLike, id: str) -> Array:
    """(3, 4): the projection matrix of intrinsics (3, 3) and a rigid transform (3, 4) or (4, 4), OpenCV axes.

    Raises GeometryError for a reflection, for scale or shear in the transform and for impossible intrinsics.
    """
    T = np.asarray(camera_from_world, dtype=np.float64)
    if T.shape not in ((3, 4), (4, 4)):
        raise GeometryError(f"view '{id}': the pose has shape {T.shape}, expected (3, 4) or (4, 4)")
    if not np.isfinite(T).all():
        raise GeometryError(f"view '{id}': the pose holds NaN or infinite numbers; export it again")
    return View(constant(K, (3, 3), f"view '{id}': K"), inverse(T), (1, 1), id).projection_matrix


def right_handed(P: Array) -> Array:
    """A projection matrix of unknown sign, (3, 4), with the sign that makes its rotation proper."""
    return P if np.linalg.det(P[:, :3]) >= 0 else -P


def pose_matrix(R: ArrayLike, t: ArrayLike) -> Array:
    """(4, 4) transform from a rotation (3, 3) and a translation of three numbers."""
    return rigid(np.asarray(R, dtype=np.float64), np.ravel(t))


def check_radians(angles: Array, what: str) -> None:
    """Raises FormatError for angles of more than two turns in radians, which are degrees."""
    largest = float(np.abs(angles).max(initial=0.0))
    if largest > MAX_RADIANS:
        raise FormatError(
            f"{what} reach {largest:.4g}, expected radians; they look like degrees: multiply them by pi / 180"
        )


def vector_matrix(source: Array, center: Array, u: Array, v: Array, what: str) -> Array:
    """(3, 4): the projection of a flat detector in centred pixels.

    source: (3,) X-ray source.
    center: (3,) centre of the detector.
    u, v: (3,) steps to the next pixel in a row and in a column.
    The determinant of the left 3x3 block is negative when u, v and the direction of the beam are left-handed.
    Raises GeometryError when the source lies in the plane of the detector.
    """
    M = np.column_stack([u, v, center - source])
    if not np.isfinite(M).all() or abs(np.linalg.det(M)) < 1e-12 * np.prod(np.linalg.norm(M, axis=0)):
        raise GeometryError(f"{what}: source and detector lie in one plane; export the geometry again")
    inverted = np.linalg.inv(M)
    return inverted @ np.column_stack([np.eye(3), -source])
