"""From image files to X-rays without poses, undistorted if there are shots of a grid."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...formats.assembly import Ledger, Source, read_xrays
from ...formats.shots import Shot as ImageShot
from ...formats.shots import find_shots
from ...geometry import View
from ...sniffing import head, sniff
from ...xray import XRay
from ...xray.dicom.groups import FrameTags
from ...xray.dicom.objects import open_header
from ...xray.dicom.tags import CArmTags, tags_of
from ...xray.dicom.values import stated_scale
from ...xray.radiograph import Values
from .settings import FiducialSettings
from .shots import UNKNOWN_FOCAL_WIDTHS, Shot


@dataclass(frozen=True, eq=False)
class ShotImages:
    """X-rays whose views have no pose yet, what their tags state, and the record of reading them.

    tags: of each X-ray, None for files other than DICOM.
    distortion: the record of the undistortion, empty where the images are as they were stored.
    """

    name: str
    xrays: tuple[XRay, ...]
    tags: tuple[CArmTags | None, ...]
    warnings: tuple[str, ...]
    hashes: dict[str, str]
    distortion: dict[str, Any]

    def shots(self, settings: FiducialSettings) -> list[Shot]:
        """The X-rays with the nominal distances of the settings, or else of the tags."""
        found = []
        for xray, tags in zip(self.xrays, self.tags, strict=True):
            distance, pixel = settings.source_detector_mm, settings.detector_pixel_mm
            if distance is None and tags is not None and tags.pixel_spacing is not None:
                distance, pixel = tags.source_detector, tags.pixel_spacing[0]
            found.append(Shot(xray.view.id, xray.image, xray.mask, distance, pixel))
        return found


def read_shots(
    images: str | os.PathLike[str],
    *,
    values: Values | None = None,
    i0: float | None = None,
    mirrored: bool = False,
    leave_out: Sequence[str] = (),
    besides: Sequence[Path] = (),
) -> ShotImages:
    """The X-rays in a folder, or the frames of a file, without poses.

    values, i0: the meaning of the pixels, as in case.json; by default what DICOM's tags state, else intensities.
    mirrored: the images are stored mirrored, which turning them upside down undoes.
    leave_out: ids of X-rays. besides: files that are not X-rays.
    Raises FormatError for images that are undistorted and calibrated already, and what reading images raises.
    """
    images = Path(images)
    _refuse_case(images)
    ledger = Ledger((images if images.is_dir() else images.parent).resolve())
    with ledger.collecting():
        found = [shot for shot in find_shots(images, besides) if shot.id not in leave_out]
        frames = [_frame_tags(shot) for shot in found]
        stated = values or _stated_values(frames)
        xrays = read_xrays([_source(shot, i0, mirrored) for shot in found], stated, ledger)
    tags = tuple(None if frame is None else tags_of(frame) for frame in frames)
    return ShotImages(ledger.folder.name, tuple(xrays), tags, tuple(ledger.messages), ledger.hashes, {})


def _refuse_case(images: Path) -> None:
    if (images / "case.json").is_file():
        raise FormatError(
            f"{images.name}: a case, expected a folder of X-rays without poses; give the images that it was made from"
        )


def _frame_tags(shot: ImageShot) -> FrameTags | None:
    if sniff(head(shot.path)) != "DICOM":
        return None
    return FrameTags(open_header(shot.path), shot.frame or 0, shot.path.name)


def _stated_values(frames: Sequence[FrameTags | None]) -> Values:
    scales = {stated_scale(frame) for frame in frames if frame is not None}
    return "line_integral" if scales == {"log"} else "intensity"


def _source(shot: ImageShot, i0: float | None, mirrored: bool) -> Source:
    camera = partial(_nominal_view, shot.id)
    return Source(shot.id, shot.path.resolve(), camera, shot.frame, i0=i0, upside_down=mirrored)


def _nominal_view(id: str, size: tuple[int, int]) -> View:
    """A view that stands for the one that the calibration finds."""
    focal = UNKNOWN_FOCAL_WIDTHS * max(size)
    K = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
    return View(K, np.eye(4), size, id)
