"""The C-arm geometry in the attributes of a DICOM X-ray, frame by frame."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ...errors import FormatError, IXGSWarning
from ..kinds import image_kind
from .conventions import Increments
from .decoding import count_frames
from .groups import FrameTags

SPACING_TOLERANCE = 0.01
"""Relative difference up to which two statements of the pixel aspect ratio agree."""

_POSITION_CODES = {
    "F-10470": "HF",
    "102540001": "HF",
    "F-10480": "FF",
    "102541002": "FF",
    "F-10340": "S",
    "40199007": "S",
    "F-10310": "P",
    "1240000": "P",
}


@dataclass(frozen=True)
class IsocentreTags:
    """The positions of positioner and table in the room (PS3.3 C.8.19.6.13): angles in degrees, lengths in mm.

    positioner: primary, secondary and detector rotation angle.
    table_position: x, y, z of the table's reference point from the isocentre.
    table_angles: horizontal rotation, head tilt and cradle tilt.
    """

    positioner: tuple[float, float, float]
    table_position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    table_angles: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class TableTop:
    """The position of the table top from a reference point of the equipment (PS3.3 C.8.19.6.11).

    position: longitudinal, positive towards LAO of a supine patient, vertical, positive downwards, and lateral,
    positive towards CRA, in mm along the table top. angles: horizontal rotation, head tilt and cradle tilt in degrees.
    """

    position: tuple[float, float, float]
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class CArmTags:
    """Geometry attributes of one frame, None where the file does not state them.

    name, frame, size: the file, the frame's number from 0 and its (width, height) in pixels.
    pixel_spacing: (x, y) mm on the detector. Distances in mm from the source, to the detector and to the isocentre.
    primary_angle, secondary_angle: degrees, of this frame (PS3.3 C.8.7.5.1.2).
    first_angles: both angles of the first frame of a run, at which patient_orientation holds.
    isocentre: positions in the room's frame, which enhanced images state.
    table_top: the position of the table top, which enhanced images state.
    table_shift: longitudinal, vertical and lateral movement of the table since the first frame, mm (C.8.7.4.1).
    patient_position: such as HFS (C.7.3.1.1.2).
    patient_orientation: directions of rows and columns in the patient, such as ("L", "F") (C.7.6.1.1.1).
    rotation, flipped: clockwise rotation of the stored image relative to the detector, in degrees, and whether it was
    then mirrored left to right (C.8.11.4.1.1); None where neither is stated.
    isocentre_offset: (x, y) mm on the detector from the centre of the field of view to the isocentre's projection,
    along the rows and columns of its elements.
    """

    name: str
    frame: int
    size: tuple[int, int]
    pixel_spacing: tuple[float, float] | None = None
    source_detector: float | None = None
    source_patient: float | None = None
    primary_angle: float | None = None
    secondary_angle: float | None = None
    first_angles: tuple[float, float] = (0.0, 0.0)
    isocentre: IsocentreTags | None = None
    table_top: TableTop | None = None
    table_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    patient_position: str | None = None
    patient_orientation: tuple[str, str] | None = None
    rotation: float | None = None
    flipped: bool | None = None
    isocentre_offset: tuple[float, float] = (0.0, 0.0)


def carm_tags(path: str | os.PathLike[str], frame: int = 0, increments: Increments = Increments.FROM_FIRST) -> CArmTags:
    """The geometry attributes of one frame of a DICOM X-ray.

    Raises FormatError for a file that is not a DICOM X-ray, a frame that does not exist and values that are not
    numbers; warns of a pixel spacing that is not that of the detector.
    """
    path = Path(path)
    if image_kind(path) != "DICOM":
        raise FormatError(f"{path.name}: not a DICOM file, so it has no C-arm tags; give the calibration another way")
    return tags_of(FrameTags.of(path, frame), increments)


def tags_of(tags: FrameTags, increments: Increments = Increments.FROM_FIRST) -> CArmTags:
    """Like `carm_tags`, for attributes that are read already."""
    count = count_frames(tags)
    if not 0 <= tags.frame < count:
        raise FormatError(f"{tags.name}: frame {tags.frame} of {count} does not exist; choose 0 to {count - 1}")
    if tags.text("Modality") == "RTIMAGE":
        return _portal_tags(tags)
    detector, patient = _distances(tags)
    orientation = tags.texts("PatientOrientation")
    rotation, flip = tags.number("FieldOfViewRotation"), tags.text("FieldOfViewHorizontalFlip")
    spacing = _spacing(tags, detector, patient)
    return CArmTags(
        name=tags.name,
        frame=tags.frame,
        size=_size(tags),
        pixel_spacing=spacing,
        source_detector=detector,
        source_patient=patient,
        primary_angle=_angle(tags, "PositionerPrimaryAngle", increments),
        secondary_angle=_angle(tags, "PositionerSecondaryAngle", increments),
        first_angles=(tags.number("PositionerPrimaryAngle") or 0.0, tags.number("PositionerSecondaryAngle") or 0.0),
        isocentre=_isocentre(tags),
        table_top=_table_top(tags),
        table_shift=_table_shift(tags, increments),
        patient_position=_patient_position(tags),
        patient_orientation=(orientation[0], orientation[1]) if len(orientation) == 2 and all(orientation) else None,
        rotation=0.0 if rotation is None and flip else rotation,
        flipped=None if rotation is None and not flip else flip == "YES",
        isocentre_offset=_isocentre_offset(tags, spacing),
    )


def _size(tags: FrameTags) -> tuple[int, int]:
    return tags.integer("Columns"), tags.integer("Rows")


def _distances(tags: FrameTags) -> tuple[float | None, float | None]:
    """From the source to detector and isocentre; the latter may follow from the magnification (PS3.3 C.8.7.5)."""
    detector = tags.number("DistanceSourceToDetector") or None
    patient = tags.number("DistanceSourceToIsocenter") or tags.number("DistanceSourceToPatient") or None
    magnification = tags.number("EstimatedRadiographicMagnificationFactor")
    if patient is None and detector is not None and magnification:
        patient = detector / magnification
    return detector, patient


def _spacing(tags: FrameTags, detector: float | None, patient: float | None) -> tuple[float, float] | None:
    """(x, y) mm on the detector; a PixelSpacing that was calibrated in the patient is magnified (PS3.3 10.7.1.3)."""
    stated, factor, keyword = tags.numbers("ImagerPixelSpacing"), 1.0, "ImagerPixelSpacing"
    if not stated and tags.numbers("PixelSpacing"):
        calibration = tags.text("PixelSpacingCalibrationType")
        if calibration not in ("GEOMETRY", "FIDUCIAL") or not detector or not patient:
            warnings.warn(
                f"{tags.name}: PixelSpacing without ImagerPixelSpacing is a size in the patient, not on the detector, "
                "and is not used; state the detector's pixel spacing",
                IXGSWarning,
                stacklevel=4,
            )
            return None
        stated, factor, keyword = tags.numbers("PixelSpacing"), detector / patient, "PixelSpacing"
    if not stated:
        return None
    if len(stated) != 2 or min(stated) <= 0:
        raise FormatError(
            f"{tags.name}: {keyword} is {', '.join(f'{value:g}' for value in stated)}, expected two positive lengths; "
            "state it in the case"
        )
    _check_aspect(tags, stated)
    return stated[1] * factor, stated[0] * factor


def _check_aspect(tags: FrameTags, spacing: tuple[float, ...]) -> None:
    aspect = tags.numbers("PixelAspectRatio")
    if len(aspect) == 2 and min(aspect) > 0:
        stated, found = aspect[0] / aspect[1], spacing[0] / spacing[1]
        if abs(stated / found - 1) > SPACING_TOLERANCE:
            warnings.warn(
                f"{tags.name}: by PixelAspectRatio a pixel is {stated:.3g} times as high as wide, by its spacing "
                f"{found:.3g} times; the spacing is used, check it",
                IXGSWarning,
                stacklevel=5,
            )


def _angle(tags: FrameTags, keyword: str, increments: Increments) -> float | None:
    first = tags.number(keyword)
    return None if first is None else first + _increment(tags, f"{keyword}Increment", increments)


def _increment(tags: FrameTags, keyword: str, increments: Increments) -> float:
    """The change up to the frame, from the mean step or from one value per frame (PS3.3 C.8.7.5.1.3)."""
    values = tags.numbers(keyword)
    if not values:
        return 0.0
    if len(values) == 1:
        return values[0] * tags.frame
    if len(values) != count_frames(tags):
        raise FormatError(
            f"{tags.name}: {keyword} has {len(values)} values for {count_frames(tags)} frames, expected one value or "
            "one per frame; export it again or give a calibration"
        )
    return values[tags.frame] if increments is Increments.FROM_FIRST else sum(values[: tags.frame + 1])


def _table_shift(tags: FrameTags, increments: Increments) -> tuple[float, float, float]:
    longitudinal, vertical, lateral = (
        _increment(tags, f"Table{direction}Increment", increments)
        for direction in ("Longitudinal", "Vertical", "Lateral")
    )
    return longitudinal, vertical, lateral


def _patient_position(tags: FrameTags) -> str | None:
    """PatientPosition, or its equivalent from the codes of enhanced images (PS3.16 CID 20 and 21)."""
    stated = tags.text("PatientPosition")
    first = _POSITION_CODES.get(_code(tags.get("PatientGantryRelationshipCodeSequence")))
    lying = tags.get("PatientOrientationCodeSequence")
    facing = _POSITION_CODES.get(_code(lying[0].get("PatientOrientationModifierCodeSequence") if lying else None))
    return stated or (f"{first}{facing}" if first and facing else None)


def _code(items: Sequence[Dataset] | None) -> str:
    return str(items[0].get("CodeValue") or "") if items else ""


def _isocentre(frame: FrameTags) -> IsocentreTags | None:
    tags = frame.group("IsocenterReferenceSystemSequence") or frame
    angles = [tags.number(f"PositionerIsocenter{name}Angle") for name in ("Primary", "Secondary", "DetectorRotation")]
    if angles[0] is None or angles[1] is None:
        return None
    position = [tags.number(f"Table{axis}PositionToIsocenter") or 0.0 for axis in "XYZ"]
    return IsocentreTags(
        (angles[0], angles[1], angles[2] or 0.0), (position[0], position[1], position[2]), _table_angles(tags)
    )


def _table_top(frame: FrameTags) -> TableTop | None:
    tags = frame.group("TablePositionSequence")
    if tags is None:
        return None
    position = [tags.number(f"TableTop{name}Position") for name in ("Longitudinal", "Vertical", "Lateral")]
    if None in position:
        return None
    longitudinal, vertical, lateral = (float(value or 0.0) for value in position)
    return TableTop((longitudinal, vertical, lateral), _table_angles(tags))


def _table_angles(tags: FrameTags) -> tuple[float, float, float]:
    """Horizontal rotation, head tilt and cradle tilt of the table, 0 where they are not stated."""
    horizontal, head, cradle = (
        tags.number(f"Table{name}Angle") or 0.0 for name in ("HorizontalRotation", "HeadTilt", "CradleTilt")
    )
    return horizontal, head, cradle


def _isocentre_offset(tags: FrameTags, spacing: tuple[float, float] | None) -> tuple[float, float]:
    """Enhanced images state where the isocentre projects onto the detector, from the centre of its first element
    (PS3.3 C.8.19.5, PS3.17 FFF.1.2.5.2).

    In others the central ray meets the centre of the active detector if the position of the field of view on it is
    known (C.8.11.4.1.1), and otherwise the centre of the field of view (PS3.17 FFF.2.1.5.2).
    """
    origin = tags.numbers("FieldOfViewOrigin")
    element = tags.numbers("DetectorElementSpacing") or tags.numbers("DetectorElementPhysicalSize")
    if spacing is None or len(origin) != 2 or len(element) != 2:
        return 0.0, 0.0
    center = tags.numbers("PositionOfIsocenterProjection")
    active, dimensions = tags.numbers("DetectorActiveOrigin"), tags.numbers("DetectorActiveDimensions")
    if len(center) == 2:
        target = (np.array(center) + 0.5) * element
    elif len(active) == 2 and len(dimensions) == 2:
        target = np.array(active) * element + np.array(dimensions) / 2
    else:
        return 0.0, 0.0
    width, height = _size(tags)
    field = np.array([height * spacing[1], width * spacing[0]])
    if (tags.number("FieldOfViewRotation") or 0.0) % 180 == 90:
        field = field[::-1]
    y, x = target - np.array(origin) * element - field / 2
    return float(x), float(y)


def _portal_tags(tags: FrameTags) -> CArmTags:
    """The tags of an RT image (PS3.3 C.8.8.2): at an IEC gantry angle of 0 the source is above the patient, 180 degrees
    from the positioner's zero, and the pixel spacing refers to a plane that the image states. It is seen from the
    source, and so mirrored relative to the elements of a C-arm's detector."""
    width, height = _size(tags)
    spacing, gantry = tags.numbers("ImagePlanePixelSpacing"), tags.number("GantryAngle")
    position = tags.numbers("RTImagePosition")
    pair = (spacing[1], spacing[0]) if len(spacing) == 2 and min(spacing) > 0 else None
    offset = (0.0, 0.0)
    if pair is not None and len(position) == 2:
        offset = (position[0] + pair[0] * (width - 1) / 2, position[1] - pair[1] * (height - 1) / 2)
    return CArmTags(
        name=tags.name,
        frame=tags.frame,
        size=(width, height),
        pixel_spacing=pair,
        source_detector=tags.number("RTImageSID"),
        source_patient=tags.number("RadiationMachineSAD"),
        isocentre=None if gantry is None else IsocentreTags((gantry % 360 - 180, 0.0, 0.0)),
        patient_position=_patient_position(tags),
        rotation=0.0,
        flipped=True,
        isocentre_offset=offset,
    )
