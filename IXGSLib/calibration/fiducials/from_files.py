"""Calibrations of image files, as the command and the panel ask for them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ...errors import SettingsError
from ...formats import Case
from ...formats.case_source import CaseOptions
from ...geometry import View
from .camera import BEND_ORDER
from .phantom import Phantom
from .phantom_files import load_phantom
from .reading import ShotImages, read_shots
from .result import FiducialCalibration
from .self_distortion import self_distortion, undistorted_by
from .settings import FiducialSettings
from .shots import Shot, nominal_intrinsics
from .with_markers import calibrate_with_markers
from .with_phantom import Progress, calibrate_with_phantom

MIN_VIEWS_OF_DISTORTION = 4
"""Fewest calibrated views from which a distortion is computed."""
MAX_RMS_RATIO = 0.8
"""Largest ratio of the residuals without and with a distortion for which the X-rays are undistorted."""


def calibrate_by_phantom(
    images: str | os.PathLike[str],
    phantom: str | os.PathLike[str],
    settings: FiducialSettings,
    options: CaseOptions,
    grid: str | os.PathLike[str] | None = None,
    on_progress: Progress = lambda done, total: None,
) -> tuple[ShotImages, FiducialCalibration]:
    """The X-rays of a folder or file, and their calibration by a phantom, a file or the name of a preset.

    options: what the pixels hold, the unit of the phantom, X-rays to leave out; a calibration is refused.
    grid: shots of a grid of dots, with which the X-rays are undistorted first.
    """
    if options.calibration is not None:
        raise SettingsError("--calibration and --phantom both give poses, expected one of them; leave the other out")
    known = load_phantom(phantom, options.unit)
    shots = read_shots(
        images,
        values=options.values,
        i0=options.i0,
        mirrored=settings.mirrored,
        leave_out=options.leave_out,
        besides=[Path(phantom)],
    )
    if grid is not None:
        from .grid_shots import undistorted_shots

        shots = undistorted_shots(shots, Path(grid), settings.mirrored)
    found = calibrate_with_phantom(shots.shots(settings), known, settings, on_progress)
    return (shots, found) if shots.distortion else _undistorted(shots, found, known, settings)


def _undistorted(
    shots: ShotImages, found: FiducialCalibration, phantom: Phantom, settings: FiducialSettings
) -> tuple[ShotImages, FiducialCalibration]:
    """The X-rays and their calibration without a distortion that the phantom shows, if that makes it much better."""
    if len(found.views) < MIN_VIEWS_OF_DISTORTION:
        return shots, found
    if settings.diameter_mm is not None:
        phantom = phantom.with_diameter(settings.diameter_mm)
    nominal = nominal_intrinsics(shots.shots(settings), settings.focal_tolerance)
    shown = self_distortion(found, phantom, nominal)
    if shown is None:
        return shots, found
    flat = undistorted_by(shots, shown)
    again = calibrate_with_phantom(flat.shots(settings), phantom, settings)
    if len(again.views) < len(found.views) or again.rms > MAX_RMS_RATIO * found.rms:
        return shots, found
    message = (
        f"the X-rays are distorted by up to {shown.largest:.1f} px where the phantom was seen; they were undistorted "
        f"by a polynomial of order {BEND_ORDER} that the phantom itself shows: shots of a grid plate (--grid) measure "
        "it better"
    )
    return flat, replace(again, warnings=(message, *again.warnings))


def calibrate_by_markers(case: Case, settings: FiducialSettings) -> tuple[ShotImages, FiducialCalibration]:
    """The X-rays of a case with approximate poses, and their calibration by markers at unknown positions."""
    images = ShotImages(case.name, case.xrays, (None,) * len(case.xrays), case.warnings, case.hashes, {})
    shots = [Shot(x.view.id, x.image, x.mask, *_distances(x.view)) for x in case.xrays]
    return images, calibrate_with_markers(shots, case.views, settings)


def _distances(view: View) -> tuple[float | None, float | None]:
    """Source-detector distance and side of a detector pixel, mm, if they are known."""
    return view.source_detector_distance, None if view.pixel_spacing is None else view.pixel_spacing[0]
