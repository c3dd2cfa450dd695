"""Approximate poses from DICOM attributes.

A C-arm states its angles to a degree and its distances to a millimetre at best, and vendors differ in signs and in how
they store the image: such a pose is an initial estimate, not a calibration. `Conventions` lists the differences.

Axes of the standard, for a patient who lies head first and supine. Isocentre system (PS3.3 C.8.19.6.13.1.1): X to the
patient's left, Y down, Z to the head. Positioner (C.8.19.6.13.1.2): Yp from the isocentre to the source; Xp along the
detector's rows and Zp against its columns, for an observer who looks towards the source. Table (C.8.19.6.13.1.3): Xt to
its left, Yt down, Zt to its head.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import FormatError
from ...geometry import View
from ...geometry.rigid import Array, rigid
from .conventions import STANDARD, Angles, Conventions, Side, TableAxes
from .tags import CArmTags, IsocentreTags

_TABLE_FROM_PATIENT = {
    "HFS": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "HFP": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "HFDR": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "HFDL": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    "FFS": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "FFP": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "FFDR": ((0, -1, 0), (-1, 0, 0), (0, 0, -1)),
    "FFDL": ((0, 1, 0), (1, 0, 0), (0, 0, -1)),
}
"""The patient's left, posterior and head directions on the table, by patient position (PS3.17 FFF.1.2.2.2)."""
_DETECTOR_AXES = np.array([[-1, 0, 0], [0, 0, -1], [0, -1, 0]], dtype=np.float64)
"""Axes of the detector in those of the positioner (PS3.3 C.8.19.6.13.1.2), as seen from the source. Columns: x to the
right, which is against Xp, y down and z away from the source."""
_LETTERS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}


def approximate_view(
    tags: CArmTags, reference: CArmTags | None = None, conventions: Conventions = STANDARD, id: str = ""
) -> View:
    """The view of a frame, in LPS mm with the isocentre as origin.

    Where `is_mirrored` is true, the view is that of the image flipped left to right. reference: the frame in
    which the isocentre is the origin, for tables that move; by default the frame itself.
    Raises FormatError that names the attributes that are missing or impossible.
    """
    spacing, detector, patient = _checked_lengths(tags)
    patient_from_detector, isocentre = _placement(tags, reference or tags, conventions)
    stored = _stored_axes(tags, conventions)
    offset = stored.T @ _seen(conventions.elements) @ tags.isocentre_offset
    if np.linalg.det(stored) < 0:
        stored, offset = stored * (-1, 1), offset * (-1, 1)
    axes = np.column_stack([patient_from_detector[:, :2] @ stored, patient_from_detector[:, 2]])
    width, height = tags.size
    focal = detector / spacing
    center = np.array([width - 1, height - 1]) / 2 + offset / spacing
    K = np.array([[focal[0], 0, center[0]], [0, focal[1], center[1]], [0, 0, 1]])
    source = isocentre - patient * axes[:, 2]
    return View(K, rigid(axes, source), tags.size, id or tags.name, tags.pixel_spacing)


def is_mirrored(tags: CArmTags, conventions: Conventions = STANDARD) -> bool:
    """Whether the stored image is mirrored relative to the view from the source, as frontal views usually are."""
    return bool(np.linalg.det(_stored_axes(tags, conventions)) < 0)


def missing_attributes(tags: CArmTags) -> list[str]:
    """Keyword and number of each attribute that is missing for an approximate pose."""
    needed = {
        "ImagerPixelSpacing (0018,1164)": tags.pixel_spacing,
        "DistanceSourceToDetector (0018,1110)": tags.source_detector,
        "DistanceSourceToPatient (0018,1111)": tags.source_patient,
    }
    if tags.isocentre is None:
        needed["PositionerPrimaryAngle (0018,1510)"] = tags.primary_angle
        needed["PositionerSecondaryAngle (0018,1511)"] = tags.secondary_angle
    return [keyword for keyword, value in needed.items() if value is None]


def _checked_lengths(tags: CArmTags) -> tuple[Array, float, float]:
    """Pixel spacing (2,) and distances from the source to detector and isocentre, after all attributes were checked."""
    missing = missing_attributes(tags)
    spacing, detector, patient = tags.pixel_spacing, tags.source_detector, tags.source_patient
    if missing or spacing is None or detector is None or patient is None:
        raise FormatError(
            f"{tags.name}: no pose from its DICOM attributes, {', '.join(missing)} missing; give the poses with "
            "--calibration FILE"
        )
    if not 0 < patient < detector:
        raise FormatError(
            f"{tags.name}: DistanceSourceToPatient is {patient:g} mm and DistanceSourceToDetector {detector:g} mm, "
            "expected the isocentre between source and detector; give the poses with --calibration FILE"
        )
    if tags.patient_position is not None and tags.patient_position not in _TABLE_FROM_PATIENT:
        raise FormatError(
            f"{tags.name}: PatientPosition is {tags.patient_position}, expected one of "
            f"{', '.join(_TABLE_FROM_PATIENT)}; give the poses with --calibration FILE"
        )
    return np.array(spacing), detector, patient


def _placement(tags: CArmTags, reference: CArmTags, conventions: Conventions) -> tuple[Array, Array]:
    """The detector's axes (3, 3) in the patient and the isocentre (3,) in the reference frame's patient space, mm."""
    axes = _detector_axes(tags, (tags.primary_angle or 0.0, tags.secondary_angle or 0.0), conventions)
    return axes, -_patient_shift(tags, reference, conventions)


def _patient_shift(tags: CArmTags, reference: CArmTags, conventions: Conventions) -> Array:
    """The movement (3,) of the patient, who lies still on the table, since the reference frame, LPS mm.

    Positions relative to the isocentre come first, then those of the table top, then increments. The first two are
    counted along the table's axes. Longitudinal and lateral increments are counted like the primary and the secondary
    angle, towards the patient's left and head (PS3.3 C.8.7.4.1.2, C.8.7.4.1.3). The standard gives no sign for the
    vertical one; it is counted downwards, like the position (C.8.19.6.11).
    """
    patient_from_table = _lying(tags).T
    if tags.isocentre is not None:
        start = reference.isocentre or tags.isocentre
        here, there = (_table_turn(place) @ np.array(place.table_position) for place in (tags.isocentre, start))
        return patient_from_table @ (here - there)
    if tags.table_top is not None and reference.table_top is not None:
        moved = np.subtract(tags.table_top.position, reference.table_top.position)
        return patient_from_table @ _along_table(moved, conventions.table)
    moved = np.subtract(tags.table_shift, reference.table_shift)
    sideways, down, headwards = _along_table(moved, conventions.table)
    return np.array([sideways, 0, headwards]) + patient_from_table @ np.array([0, down, 0])


def _along_table(moved: Array, axes: TableAxes) -> Array:
    """(3,) to the left, down and to the head from a longitudinal, vertical and lateral movement."""
    return moved if axes is TableAxes.STANDARD else moved[::-1]


def _detector_axes(tags: CArmTags, angles: tuple[float, float], conventions: Conventions) -> Array:
    """The detector's axes (3, 3) in the patient, from primary and secondary angle or from the room's frame."""
    positioner = (*angles, 0.0) if tags.isocentre is None else tags.isocentre.positioner
    signs = (conventions.primary_sign, conventions.secondary_sign, 1)
    axes = _room_from_detector(np.multiply(positioner, signs))
    if tags.isocentre is not None:
        return _lying(tags).T @ _table_turn(tags.isocentre) @ axes
    return _lying(tags).T @ axes if conventions.angles is Angles.ROOM else axes


def _lying(tags: CArmTags) -> Array:
    """(3, 3) table_from_patient; without a patient position, head first and supine is assumed."""
    return np.array(_TABLE_FROM_PATIENT[tags.patient_position or "HFS"], dtype=np.float64).T


def _room_from_detector(angles: ArrayLike) -> Array:
    """The axes of the detector in the isocentre system: (R2 R1)^T R3^T of the positioner's primary, secondary and
    detector rotation angle in degrees (PS3.17 Z.2, FFF.1.2.4.1).

    The primary angle turns the detector from -Y (up) to +X (left), the secondary from there to +Z (head)
    (PS3.3 C.8.19.6.13.1.2). With the angles of C.8.7.5.1.2, LAO and cranial are positive.
    """
    (c1, c2, c3), (s1, s2, s3) = np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))
    R1 = np.array([[c1, s1, 0], [-s1, c1, 0], [0, 0, 1]])
    R2 = np.array([[1, 0, 0], [0, c2, -s2], [0, s2, c2]])
    R3 = np.array([[c3, 0, -s3], [0, 1, 0], [s3, 0, c3]])
    return (R2 @ R1).T @ R3.T @ _DETECTOR_AXES


def _table_turn(tags: IsocentreTags) -> Array:
    """(3, 3) table_from_room, R3 R2 R1 of horizontal rotation, head tilt and cradle tilt in degrees (PS3.17 Z.3).

    The horizontal rotation turns the table's head from +Z to +X, the head tilt lifts it (PS3.3 C.8.19.6.13.1.3).
    The cradle tilt is a right-handed rotation about Zt. The description of the table's position counts it the other way
    (C.8.19.6.11: positive where the left is up), so that its sign is uncertain; it moves the whole patient, not one
    view against another.
    """
    (c1, c2, c3), (s1, s2, s3) = np.cos(np.deg2rad(tags.table_angles)), np.sin(np.deg2rad(tags.table_angles))
    R1 = np.array([[c1, 0, -s1], [0, 1, 0], [s1, 0, c1]])
    R2 = np.array([[1, 0, 0], [0, c2, s2], [0, -s2, c2]])
    R3 = np.array([[c3, s3, 0], [-s3, c3, 0], [0, 0, 1]])
    return R3 @ R2 @ R1


def _stored_axes(tags: CArmTags, conventions: Conventions) -> Array:
    """(2, 2) columns: directions of the stored image's rows and columns on the detector, as seen from the source.

    Mirrored where det < 0. The field of view was first rotated clockwise, then flipped (PS3.3 C.8.19.6.2).
    """
    if tags.patient_orientation is not None:
        stored = _nearest(tags, conventions)
    elif tags.rotation is not None:
        stored = _seen(conventions.elements) @ _turned(round(tags.rotation / 90))
        stored = stored * (-1, 1) if tags.flipped else stored
    else:
        stored = _seen(conventions.side)
    return stored @ _turned(conventions.quarter_turns)


def _seen(side: Side) -> Array:
    """(2, 2) the axes of an upright image that is seen from a side, in those of one that is seen from the source."""
    return np.diag([-1.0, 1.0]) if side is Side.DETECTOR else np.eye(2)


def _turned(quarters: int) -> Array:
    """(2, 2) the axes of an image that was rotated clockwise, so that its top is at the right."""
    return np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), quarters % 4)


def _nearest(tags: CArmTags, conventions: Conventions) -> Array:
    """The rotation and reflection of the image, out of eight, that agrees best with PatientOrientation.

    A run states the orientation of its first frame; later frames move with the detector.
    """
    assert tags.patient_orientation is not None
    axes = _detector_axes(tags, tags.first_angles, conventions)[:, :2]
    wanted = np.column_stack([_direction(letters, tags.name) for letters in tags.patient_orientation])
    ways = [_turned(turns) @ np.diag([flip, 1.0]) for flip in (1.0, -1.0) for turns in range(4)]
    return max(ways, key=lambda way: float(np.sum(wanted * (axes @ way))))


def _direction(letters: str, name: str) -> Array:
    """(3,) LPS direction of letters such as "LA", of which the first dominates (PS3.3 C.7.6.1.1.1)."""
    if not letters or not set(letters) <= set(_LETTERS):
        raise FormatError(
            f"{name}: PatientOrientation is '{letters}', expected letters of L, R, A, P, H, F; give the poses with "
            "--calibration FILE"
        )
    return np.sum([np.array(_LETTERS[letter]) / 2.0**n for n, letter in enumerate(letters)], axis=0)
