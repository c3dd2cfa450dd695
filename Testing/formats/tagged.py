"""Folders of DICOM X-rays whose tags are filled in by a system that deviates from the standard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.sequence import Sequence as DicomSequence

from IXGSLib.geometry.trajectory import angles
from IXGSLib.xray import XRay
from Testing.xray.c_arm_tags import group
from Testing.xray.test_dicom import dicom

I0, SOURCE_ISOCENTRE = 60_000.0, 620.0


def write_tagged(folder: Path, xrays: Sequence[XRay], deviations: Sequence[str] = (), oriented: bool = False) -> Path:
    """X-rays of a C-arm in the files of a system with deviations; read with them, poses are true.

    The image centres lie on the axes of the views, SOURCE_ISOCENTRE mm before the isocentre; a table carries the
    patient where the isocentre is not the origin. oriented: the rotation and flip of the field of view are stated; by
    default nothing says from where images are seen.
    """
    folder.mkdir(exist_ok=True)
    oriented = oriented or "elements-from-source" in deviations
    numbers = [_angles(xray, deviations) for xray in xrays]
    images = [_stored(xray, deviations, oriented) for xray in xrays]
    shared = [_distances(xray) | _side(deviations, oriented) for xray in xrays]
    tables = [_table(xray, deviations) for xray in xrays]
    if "angle-steps" in deviations:
        tags = shared[0] | _stated(numbers[0]) | _steps(numbers, tables)
        dicom(folder / "run", np.stack(images), bits=16, NumberOfFrames=len(images), **tags)
        return folder
    for n, image in enumerate(images):
        names = ("TableTopLongitudinalPosition", "TableTopVerticalPosition", "TableTopLateralPosition")
        place = group(TablePositionSequence=dict(zip(names, map(float, tables[n]), strict=True)))
        tags = shared[n] | _stated(numbers[n]) | {"SharedFunctionalGroupsSequence": DicomSequence([place])}
        dicom(folder / f"{n:03d}", image, bits=16, InstanceNumber=n + 1, **tags)
    return folder


def _steps(numbers: Sequence[tuple[float, float]], tables: Sequence[np.ndarray]) -> dict[str, object]:
    """The increments of a run from each frame to the next."""
    places = np.column_stack([numbers, tables])
    steps = np.diff(places, axis=0, prepend=places[:1])
    names = ("PositionerPrimaryAngle", "PositionerSecondaryAngle")
    names += ("TableLongitudinal", "TableVertical", "TableLateral")
    return {f"{name}Increment": [f"{step:.6f}" for step in column] for name, column in zip(names, steps.T, strict=True)}


def _angles(xray: XRay, deviations: Sequence[str]) -> tuple[float, float]:
    primary, secondary = angles(xray.view)
    if "room-angles" in deviations:  # of a patient who lies feet first
        primary, secondary = -primary, -secondary
    signs = [-1 if f"{name}-reversed" in deviations else 1 for name in ("primary", "secondary")]
    return signs[0] * primary, signs[1] * secondary


def _stored(xray: XRay, deviations: Sequence[str], oriented: bool) -> np.ndarray:
    mirrored = oriented and "elements-from-source" not in deviations
    turns = [name in deviations for name in ("quarter-turn", "half-turn", "three-quarter-turn")]
    image = np.rint(I0 * np.exp(-xray.image)).astype(np.uint16)
    image = image[:, ::-1] if mirrored or "seen-from-detector" in deviations else image
    image = np.rot90(image, 2) if "room-angles" in deviations else image  # the feet are where the head is expected
    return np.rot90(image, -1 - turns.index(True)) if any(turns) else image


def _distances(xray: XRay) -> dict[str, object]:
    view = xray.view
    spacing = view.pixel_spacing[0] if view.pixel_spacing else 1000 / view.K[0, 0]
    return {
        "ImagerPixelSpacing": [f"{spacing:.9f}"] * 2,
        "DistanceSourceToDetector": f"{spacing * view.K[0, 0]:.4f}",
        "DistanceSourceToPatient": f"{SOURCE_ISOCENTRE}",
        "PixelIntensityRelationshipSign": 1,
    }


def _side(deviations: Sequence[str], oriented: bool) -> dict[str, object]:
    stated = {"FieldOfViewRotation": "0", "FieldOfViewHorizontalFlip": "NO"} if oriented else {}
    return stated | ({"PatientPosition": "FFS"} if "room-angles" in deviations else {})


def _stated(angles: tuple[float, float]) -> dict[str, object]:
    return {"PositionerPrimaryAngle": f"{angles[0]:.6f}", "PositionerSecondaryAngle": f"{angles[1]:.6f}"}


def _table(xray: XRay, deviations: Sequence[str]) -> np.ndarray:
    """(3,) the position of the table top, which carries the patient away from the isocentre."""
    pose = xray.view.world_from_camera
    moved = -(pose[:3, 3] + SOURCE_ISOCENTRE * pose[:3, 2])
    moved = moved * (-1, 1, -1) if "room-angles" in deviations else moved
    return moved[::-1] if "table-lengthwise" in deviations else moved
