"""Angles, orientation and detector of a C-arm from the tags of an X-ray."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from pydicom.sequence import Sequence

from IXGSLib.errors import SettingsError
from IXGSLib.geometry.trajectory import angles
from IXGSLib.xray.dicom.conventions import Angles, Conventions, Deviation, Side, TableAxes
from IXGSLib.xray.dicom.geometry import (
    _DETECTOR_AXES,
    _room_from_detector,
    _table_turn,
    approximate_view,
    is_mirrored,
)
from IXGSLib.xray.dicom.tags import IsocentreTags, carm_tags
from Testing.xray.c_arm_tags import ARM, TAGS, H, L, P, axes, group
from Testing.xray.test_dicom import dicom


@pytest.mark.parametrize(("primary", "secondary"), [(0, 0), (30, 0), (0, 25), (-40, -20), (90, 0), (170, 10)])
def test_the_standards_angles_are_those_of_the_simulated_c_arm(primary, secondary):
    view = approximate_view(replace(TAGS, primary_angle=primary, secondary_angle=secondary, pixel_spacing=(0.4, 0.4)))
    expected = ARM.view(primary, secondary, (0, 0, 0))
    assert np.allclose(angles(view), (primary, secondary))
    assert np.allclose(view.projection_matrix, expected.projection_matrix)
    assert np.allclose(view.project((0, 0, 0))[0], (23.5, 31.5))


def test_left_anterior_oblique_and_cranial_are_positive():
    assert axes(replace(TAGS, primary_angle=30))[:, 2] @ L > 0
    assert axes(replace(TAGS, secondary_angle=30))[:, 2] @ H > 0
    assert np.allclose(axes(TAGS)[:, 2], -P)


def test_rows_and_columns_have_their_own_spacing():
    view = approximate_view(TAGS)
    assert np.allclose((view.K[0, 0], view.K[1, 1]), (2000, 2500))
    assert view.pixel_spacing == (0.5, 0.4)


def test_a_vendor_may_count_the_other_way():
    tags = replace(TAGS, primary_angle=30, secondary_angle=10)
    found = approximate_view(tags, conventions=Conventions(primary_sign=-1, secondary_sign=-1))
    assert np.allclose(angles(found), (-30, -10))


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP", "HFDR", "HFDL", "FFDR", "FFDL"])
def test_the_standards_angles_do_not_depend_on_how_the_patient_lies(position):
    tags = replace(TAGS, primary_angle=20, secondary_angle=10, patient_position=position)
    assert np.allclose(axes(tags), axes(replace(tags, patient_position=None)))


@pytest.mark.parametrize(
    ("position", "expected"),
    [("HFS", -P), ("HFP", P), ("FFS", -P), ("FFP", P), ("HFDR", L), ("HFDL", -L), ("FFDR", L), ("FFDL", -L)],
)
def test_a_detector_above_the_table_faces_what_is_up(position, expected):
    """In right decubitus the right side is down, so that the beam leaves through the left."""
    assert np.allclose(axes(replace(TAGS, patient_position=position), angles=Angles.ROOM)[:, 2], expected)
    room = replace(TAGS, patient_position=position, isocentre=IsocentreTags((0.0, 0.0, 0.0)))
    assert np.allclose(axes(room)[:, 2], expected)


def test_the_room_angle_of_a_prone_patient_turns_both_ways():
    room = replace(TAGS, patient_position="FFS", primary_angle=30, secondary_angle=20)
    assert np.allclose(angles(approximate_view(room, conventions=Conventions(angles=Angles.ROOM))), (-30, -20))


@pytest.mark.parametrize(
    ("orientation", "row", "column", "mirrored"),
    [
        (("R", "F"), -L, -H, False),
        (("L", "F"), L, -H, True),
        (("L", "H"), L, H, False),
        (("R", "H"), -L, H, True),
        (("F", "L"), -H, L, False),
        (("F", "R"), -H, -L, True),
        (("H", "R"), H, -L, False),
        (("H", "L"), H, L, True),
    ],
)
@pytest.mark.parametrize("tilt", [0, 25])
def test_patient_orientation_decides_turns_and_mirrors(orientation, row, column, mirrored, tilt):
    tags = replace(TAGS, patient_orientation=orientation, primary_angle=tilt, secondary_angle=-tilt)
    tags = replace(tags, first_angles=(tilt, -tilt))
    found = axes(tags)
    assert is_mirrored(tags) == mirrored
    assert found[:, 0] @ row > 0.8
    assert found[:, 1] @ column > 0.8


def test_a_lateral_view_is_oriented_by_its_letters():
    found = axes(replace(TAGS, primary_angle=90, first_angles=(90, 0), patient_orientation=("A", "F")))
    assert np.allclose(found, np.column_stack([-P, -H, L]))
    oblique = axes(replace(TAGS, primary_angle=40, first_angles=(40, 0), patient_orientation=("LP", "FR")))
    assert oblique[:, 0] @ L > 0.5


@pytest.mark.parametrize(
    ("rotation", "flipped", "row", "column"),
    [(0, False, L, -H), (90, False, H, L), (180, False, -L, H), (270, False, -H, -L), (0, True, -L, -H)],
)
def test_rotation_and_flip_of_the_field_of_view(rotation, flipped, row, column):
    """The elements of the detector are those that face the patient; turned clockwise, the head lies to the right."""
    found = axes(replace(TAGS, rotation=rotation, flipped=flipped))
    assert np.allclose(found[:, :2], np.column_stack([row, column]))


def test_a_system_may_count_its_elements_from_the_source():
    tags = replace(TAGS, rotation=0.0, flipped=False, isocentre_offset=(2.0, -3.0))
    other = Conventions(elements=Side.SOURCE)
    assert is_mirrored(tags)
    assert not is_mirrored(tags, other)
    assert np.allclose(axes(tags, elements=Side.SOURCE)[:, :2], np.column_stack([-L, -H]))
    assert np.allclose(approximate_view(tags, conventions=other).project((0, 0, 0))[0], (23.5 + 4, 31.5 - 7.5))


def test_without_attributes_the_side_is_a_convention():
    assert not is_mirrored(TAGS)
    assert is_mirrored(TAGS, Conventions(side=Side.DETECTOR))
    assert np.allclose(axes(TAGS, side=Side.DETECTOR)[:, :2], np.column_stack([L, -H]))
    assert np.allclose(axes(TAGS, quarter_turns=2)[:, :2], np.column_stack([L, H]))


@pytest.mark.parametrize("mirror", [False, True])
def test_the_isocentre_stays_on_its_spot_of_the_detector(mirror):
    """The view of an image that is stored mirrored is that of the image flipped left to right."""
    tags = replace(TAGS, isocentre_offset=(2.0, -3.0), rotation=0.0, flipped=False)
    plain = approximate_view(tags).project((0, 0, 0))[0]
    assert np.allclose(plain, (23.5 - 4, 31.5 - 7.5))
    turned = replace(tags, rotation=180.0, flipped=mirror)
    assert np.allclose(approximate_view(turned).project((0, 0, 0))[0], (23.5 + 4, 31.5 + 7.5))


@pytest.mark.parametrize("positioner", [(20.0, -10.0, 0.0), (-75.0, 15.0, 30.0)])
def test_the_detector_turns_about_the_beam(positioner):
    tags = replace(TAGS, isocentre=IsocentreTags(positioner))
    plain = approximate_view(replace(tags, isocentre=IsocentreTags((*positioner[:2], 0.0))))
    found = approximate_view(tags)
    assert np.allclose(angles(found), positioner[:2])
    assert np.allclose(found.source, plain.source)
    assert np.isclose(
        found.world_from_camera[:3, 0] @ plain.world_from_camera[:3, 0], np.cos(np.deg2rad(positioner[2]))
    )


def test_a_positive_rotation_of_the_detector_turns_its_columns_towards_the_patients_left():
    """By R3 of PS3.17 Z.2, Zp turns from +Z to +X: the top of the detector goes to the left of a supine patient."""
    turned = replace(TAGS, isocentre=IsocentreTags((0.0, 0.0, 30.0)), rotation=0.0, flipped=False)
    assert np.allclose(-axes(turned)[:, 1], 0.5 * L + np.sqrt(0.75) * H)


@pytest.mark.parametrize(
    ("position", "anatomical", "room"),
    [
        ("HFS", (40, 15), (40, 15)),
        ("HFP", (90, 0), (-90, 0)),
        ("HFP", (-90, 0), (90, 0)),
        ("FFS", (40, 15), (-40, -15)),
    ],
)
def test_both_kinds_of_angles_describe_one_beam(position, anatomical, room):
    """A prone patient whose detector goes over the back from the left starts at -90 degrees (PS3.17 FFF.2.1.3.1.4)."""
    patient = replace(TAGS, patient_position=position, primary_angle=anatomical[0], secondary_angle=anatomical[1])
    isocentre = replace(TAGS, patient_position=position, isocentre=IsocentreTags((*map(float, room), 0.0)))
    assert np.allclose(axes(patient)[:, 2], axes(isocentre)[:, 2])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shot.dcm"


class TestTheWorkedExampleOfTheStandard:
    """Image A of PS3.17 FFF.2.5.1.4: a pixel, and the point that it shows in the isocentre system and on the table.

    The standard prints another Y, -65.41, with which the point would not keep its distance from the isocentre.
    """

    PIXEL, MAGNIFICATION = (310.0, 122.0), 1.3
    POSITIONER_POINT = (-46.54, -220.0, 17.62)
    ISOCENTRE_POINT, TABLE_POINT = (150.55, -140.66, 91.80), (136.99, -170.66, -32.48)
    ROOM = IsocentreTags((60.0, 20.0, 0.0), (10.0, 30.0, 100.0), (-10.0, 0.0, 0.0))

    @pytest.fixture
    def tags(self, file):
        shared = group(
            FramePixelDataPropertiesSequence={"ImagerPixelSpacing": ["0.2", "0.2"]},
            XRayGeometrySequence={"DistanceSourceToDetector": 1300.0, "DistanceSourceToIsocenter": 780.0},
            FieldOfViewSequence={
                "FieldOfViewOrigin": ["600", "600"],
                "FieldOfViewRotation": "90",
                "FieldOfViewHorizontalFlip": "YES",
            },
            IsocenterReferenceSystemSequence={
                "PositionerIsocenterPrimaryAngle": 60.0,
                "PositionerIsocenterSecondaryAngle": 20.0,
                "PositionerIsocenterDetectorRotationAngle": 0.0,
                "TableXPositionToIsocenter": 10.0,
                "TableYPositionToIsocenter": 30.0,
                "TableZPositionToIsocenter": 100.0,
                "TableHorizontalRotationAngle": -10.0,
                "TableHeadTiltAngle": 0.0,
                "TableCradleTiltAngle": 0.0,
            },
        )
        detector = {"DetectorElementSpacing": ["0.2", "0.2"], "PositionOfIsocenterProjection": [1024.5, 1024.5]}
        enhanced = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.1.1", "PatientPosition": "HFS"}
        pixels = np.zeros((850, 850), np.uint16)
        dicom(file, pixels, SharedFunctionalGroupsSequence=Sequence([shared]), **detector, **enhanced)
        return carm_tags(file)

    def test_the_attributes_are_read_where_they_stand(self, tags):
        assert tags.isocentre == self.ROOM

    def test_the_point_of_the_positioner_is_that_in_the_room(self):
        positioner_from_room = _DETECTOR_AXES @ _room_from_detector(self.ROOM.positioner).T
        assert np.allclose(positioner_from_room @ self.ISOCENTRE_POINT, self.POSITIONER_POINT, atol=0.01)

    def test_the_point_in_the_room_is_that_on_the_table(self):
        found = _table_turn(self.ROOM) @ np.subtract(self.ISOCENTRE_POINT, self.ROOM.table_position)
        assert np.allclose(found, self.TABLE_POINT, atol=0.01)

    def test_the_point_is_seen_in_its_pixel(self, tags):
        view = approximate_view(tags)
        pixel, depth = view.project(_table_turn(self.ROOM) @ self.ISOCENTRE_POINT)
        assert not is_mirrored(tags)
        assert np.allclose(pixel, self.PIXEL, atol=0.1)
        assert np.isclose(depth, 1300 / self.MAGNIFICATION, atol=0.1)


def test_deviations_have_names():
    found = Conventions.deviating(("room-angles", "half-turn", "table-lengthwise"))
    assert found == Conventions(angles=Angles.ROOM, quarter_turns=2, table=TableAxes.LENGTHWISE)
    assert Conventions.deviating(()) == Conventions()
    assert all(Conventions.deviating((name,)) != Conventions() for name in get_args(Deviation))
    with pytest.raises(SettingsError, match="--tag-conventions upside-down: unknown, expected one or more of room-"):
        Conventions.deviating(("upside-down",))
    with pytest.raises(SettingsError, match="more than one turn"):
        Conventions.deviating(("half-turn", "quarter-turn"))
