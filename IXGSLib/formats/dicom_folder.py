"""A case from the tags of DICOM X-rays alone, without a calibration."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import FormatError, IXGSError, IXGSWarning
from ..geometry import Grid, View
from ..sniffing import head, sniff
from ..xray.dicom.conventions import STANDARD, Conventions, Side
from ..xray.dicom.geometry import approximate_view, is_mirrored
from ..xray.dicom.groups import FrameTags
from ..xray.dicom.objects import open_header
from ..xray.dicom.tags import CArmTags, tags_of
from ..xray.dicom.values import stated_scale
from ..xray.radiograph import Values
from .assembly import Ledger, Source, assemble
from .case import Case
from .shots import Shot, find_shots, numbered

PROVENANCE = "tags"
"""The entry in `Case.provenance` for poses from DICOM tags by the standard."""


def holds_dicom(path: Path) -> bool:
    """Whether a path is a DICOM file, or a folder without case.json that contains one."""
    if path.is_file():
        return sniff(head(path)) == "DICOM"
    if not path.is_dir() or (path / "case.json").is_file():
        return False
    return any(file.is_file() and sniff(head(file)) == "DICOM" for file in path.iterdir())


def load_tagged(
    images: str | os.PathLike[str],
    *,
    values: Values | None = None,
    i0: float | None = None,
    grid: Grid | None = None,
    conventions: Conventions = STANDARD,
    file_names: bool = False,
) -> Case:
    """The case of DICOM X-rays with approximate poses from their tags; the isocentre is the origin.

    images: a folder of DICOM files, or one file whose frames are the views.
    values, i0: the meaning of the pixels, as in case.json; by default that of the tags, or intensity without one.
    grid: the region to reconstruct, by default the region that all views see.
    conventions: the interpretation of tags in which vendors differ, such as
    `Conventions.deviating(("room-angles", "half-turn"))`.
    file_names: whether views are named after their files; by default they are numbered in their order.
    Every view is marked as "tags" in `Case.provenance`, with the deviations of the conventions in brackets, and a
    warning says that the poses are approximate.
    Raises FormatError that names the missing tags; otherwise like `load_case`.
    """
    images = Path(images)
    ledger = Ledger((images if images.is_dir() else images.parent).resolve())
    with ledger.collecting():
        shots = find_shots(images) if file_names else numbered(find_shots(images))
        frames = frame_tags(shots)
        tags = [tags_of(frame, conventions.increments) for frame in frames]
        sources = tagged_sources(shots, tags, i0, conventions)
        _warn_of_approximation(images, tags, conventions)
        _warn_of_table(images, tags)
        case = assemble(sources, values or stated_values(frames), ledger, grid)
    deviations = conventions.deviations
    origin = f"{PROVENANCE} ({', '.join(deviations)})" if deviations else PROVENANCE
    provenance = {view.id: origin for view in case.views}
    return replace(case, warnings=tuple(ledger.messages), hashes=ledger.hashes, provenance=provenance)


def frame_tags(shots: list[Shot]) -> list[FrameTags]:
    """The attributes of each X-ray; every file is opened once."""
    other = next((shot.path for shot in shots if sniff(head(shot.path)) != "DICOM"), None)
    if other is not None:
        raise FormatError(f"{other.name}: not a DICOM file, so it has no pose; give the poses with --calibration FILE")
    headers = {path: open_header(path) for path in dict.fromkeys(shot.path for shot in shots)}
    return [FrameTags(headers[shot.path], shot.frame or 0, shot.path.name) for shot in shots]


def tagged_sources(shots: list[Shot], tags: list[CArmTags], i0: float | None, conventions: Conventions) -> list[Source]:
    """The X-rays with the poses of their tags; raises FormatError that names the missing tags."""
    sources, views, errors = [], [], []
    for shot, stated in zip(shots, tags, strict=True):
        try:
            view = approximate_view(stated, tags[0], conventions, shot.id)
        except IXGSError as error:
            errors.append(str(error))
            continue
        views.append(view)
        mirrored = is_mirrored(stated, conventions)
        path = shot.path.resolve()
        sources.append(Source(shot.id, path, partial(_camera, view), shot.frame, i0=i0, mirrored=mirrored))
    if errors:
        more = f" (and {len(errors) - 1} more of {len(shots)} X-rays)" if len(errors) > 1 else ""
        raise FormatError(errors[0] + more)
    _check_angles(views, tags[0].name)
    _check_sides(sources)
    return sources


def _check_angles(views: list[View], name: str) -> None:
    """Raises FormatError for a cine run of a stationary C-arm, which shows movement, not depth."""
    if len(views) > 1 and all(np.allclose(view.projection_matrix, views[0].projection_matrix) for view in views):
        raise FormatError(
            f"{name}: all {len(views)} X-rays were taken at the same angle, expected different angles; choose X-rays "
            "of a C-arm that was moved, or give their poses with --calibration FILE"
        )


def _check_sides(sources: list[Source]) -> None:
    """Warns if only some of the views are mirrored, which a C-arm seldom changes between two X-rays."""
    mirrored = [source.id for source in sources if source.mirrored]
    others = [source.id for source in sources if not source.mirrored]
    if mirrored and others:
        fewer = min(mirrored, others, key=len)
        warnings.warn(
            f"PatientOrientation and FieldOfViewHorizontalFlip say that {', '.join(fewer)} "
            f"{'show' if fewer is mirrored else 'do not show'} the patient mirrored, unlike the other views; check the "
            "tags, some systems write the same PatientOrientation for every angle",
            IXGSWarning,
            stacklevel=4,
        )


def _camera(view: View, size: tuple[int, int], id: str | None = None) -> View:
    """The view for the actual size of the image."""
    return replace(view, size=size, id=view.id if id is None else id)


def stated_values(frames: list[FrameTags]) -> Values:
    """What the pixels hold by their tags."""
    scales = {stated_scale(frame) for frame in frames}
    if "log" in scales and len(scales) > 1:
        raise FormatError(
            f"{frames[0].name}: some X-rays are logarithmic (PixelIntensityRelationship LOG), others are not; expected "
            "one kind: put them into separate folders"
        )
    return "line_integral" if scales == {"log"} else "intensity"


def _warn_of_approximation(images: Path, tags: list[CArmTags], conventions: Conventions) -> None:
    _warn(
        f"the poses of all {len(tags)} views are approximate, from DICOM tags (angles, distances and "
        "pixel spacing) and not from a calibration; errors of degrees and millimetres blur the volume: give measured "
        "poses with --calibration FILE where there are any"
    )
    unstated = [stated for stated in tags if stated.patient_orientation is None and stated.rotation is None]
    if unstated and conventions.side is Side.SOURCE:
        _warn(
            f"the X-rays: {len(unstated)} of {len(tags)} views state neither PatientOrientation nor "
            "FieldOfViewRotation; they are assumed to be seen from the source, with the head up; if they show the "
            "patient as seen from the detector, add --tag-conventions seen-from-detector"
        )
    if any(stated.patient_position is None and stated.isocentre is not None for stated in tags):
        _warn("the X-rays: PatientPosition is not stated; the patient is assumed to lie head first and supine (HFS)")


def _warn_of_table(images: Path, tags: list[CArmTags]) -> None:
    """Warns of tables whose movement or tilt the attributes do not describe for certain (PS3.3 C.8.19.6.11.1)."""
    tops = {stated.table_top.angles for stated in tags if stated.isocentre is None and stated.table_top is not None}
    if len(tops) > 1:
        _warn(
            "the table turned or tilted between the views, which its position relative to the table "
            "top does not describe; the poses do not follow it: give them with --calibration FILE"
        )
    if any(stated.isocentre is not None and stated.isocentre.table_angles[2] for stated in tags):
        _warn(
            "the X-rays: TableCradleTiltAngle is not 0, and DICOM describes its sign in two ways; the patient may "
            "be turned by twice the angle about the long axis"
        )


def _warn(message: str) -> None:
    warnings.warn(message, IXGSWarning, stacklevel=3)
