"""Views along C-arm trajectories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import SettingsError
from .rigid import Array, rigid
from .view import View


@dataclass(frozen=True)
class CArm:
    """The dimensions of a C-arm: distances and the side length of the detector in mm, the detector also in pixels."""

    source_isocentre: float = 620.0
    source_detector: float = 1000.0
    detector_pixels: tuple[int, int] = (256, 256)
    detector_size: float = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.source_isocentre < self.source_detector:
            raise SettingsError(
                f"C-arm: source-isocentre {self.source_isocentre} mm and source-detector {self.source_detector} mm, "
                "expected 0 < source-isocentre < source-detector"
            )
        if min(self.detector_pixels) < 1 or not self.detector_size > 0:
            raise SettingsError("C-arm: the detector needs at least one pixel and a positive side length")

    def view(self, orbital: float, angular: float, isocentre: ArrayLike, id: str = "") -> View:
        """The view at two gantry angles in degrees around `isocentre` (3,) LPS mm.

        DICOM's positioner angles (PS3.3 C.8.7.5): at 0, 0 the detector is in front of the supine patient; orbital
        is positive towards the patient's left (LAO), angular towards the head (CRA). Image rows run head to feet.
        """
        a, b = np.deg2rad([orbital, angular])
        axis = np.array([np.cos(b) * np.sin(a), -np.cos(b) * np.cos(a), np.sin(b)])
        down = np.array([np.sin(b) * np.sin(a), -np.sin(b) * np.cos(a), -np.cos(b)])
        R = np.stack([np.cross(down, axis), down, axis], axis=1)
        source = np.asarray(isocentre, dtype=np.float64) - self.source_isocentre * axis
        return View(self._intrinsics(), rigid(R, source), self.detector_pixels, id, self._spacing())

    def _spacing(self) -> tuple[float, float]:
        pitch = self.detector_size / max(self.detector_pixels)
        return pitch, pitch

    def _intrinsics(self) -> Array:
        focal = self.source_detector / self._spacing()[0]
        width, height = self.detector_pixels
        return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])


def angles(view: View) -> tuple[float, float]:
    """(orbital, angular) gantry angles in degrees of a view, as `CArm.view` defines them."""
    x, y, z = view.axis
    return float(np.rad2deg(np.arctan2(x, -y))), float(np.rad2deg(np.arcsin(np.clip(z, -1, 1))))


def arc(count: int, span: float = 200.0, tilt: float = 0.0) -> Array:
    """(count, 2) angles: an orbital sweep over `span` degrees that swings `tilt` degrees to either side.

    The tilt follows two full waves, so that neighbouring views differ in both angles.
    """
    turn = np.linspace(0, 1, _positive(count))
    return np.stack([(turn - 0.5) * span, tilt * np.sin(4 * np.pi * turn)], axis=1)


def circular(count: int) -> Array:
    """(count, 2) angles: equal steps of a full rotation without tilt."""
    return np.stack([np.arange(_positive(count)) * 360.0 / count - 180.0, np.zeros(count)], axis=1)


def random(count: int, span: float = 200.0, tilt: float = 25.0, seed: int = 0) -> Array:
    """(count, 2) uniformly distributed angles: `span` degrees of orbit, `tilt` degrees to either side."""
    generator = np.random.default_rng(seed)
    return generator.uniform((-span / 2, -tilt), (span / 2, tilt), (_positive(count), 2))


def trajectory(arm: CArm, gantry_angles: ArrayLike, isocentre: ArrayLike) -> list[View]:
    """The views of a C-arm at (count, 2) gantry angles in degrees, named by their number."""
    return [arm.view(a, b, isocentre, f"{n:03d}") for n, (a, b) in enumerate(np.asarray(gantry_angles, dtype=float))]


def _positive(count: int) -> int:
    if count < 1:
        raise SettingsError(f"a trajectory of {count} views, expected at least one")
    return count
