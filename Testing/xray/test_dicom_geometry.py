from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from IXGSLib.errors import FormatError, IXGSWarning, SettingsError
from IXGSLib.geometry.trajectory import CArm, angles
from IXGSLib.xray.dicom.conventions import Angles, Conventions, Deviation, Increments, Side, TableAxes
from IXGSLib.xray.dicom.geometry import (
    _DETECTOR_AXES,
    _room_from_detector,
    _table_turn,
    approximate_view,
    is_mirrored,
    missing_attributes,
)
from IXGSLib.xray.dicom.tags import CArmTags, IsocentreTags, TableTop, carm_tags
from Testing.xray.test_dicom import SHOT, dicom

TAGS = CArmTags("shot.dcm", 0, (48, 64), (0.5, 0.4), 1000.0, 620.0, 0.0, 0.0)
ARM = CArm(620.0, 1000.0, (48, 64), 25.6)
STATED = {
    "ImagerPixelSpacing": ["0.4", "0.5"],
    "DistanceSourceToDetector": "1000",
    "DistanceSourceToPatient": "620",
    "PositionerPrimaryAngle": "10",
    "PositionerSecondaryAngle": "-5",
}
L, P, H = np.eye(3)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shot.dcm"


def axes(tags, **conventions):
    """Directions of the stored image's rows and columns and of the beam, in the patient."""
    chosen = Conventions(**conventions)
    R = approximate_view(tags, conventions=chosen).world_from_camera[:3, :3].copy()
    return R * (-1, 1, 1) if is_mirrored(tags, chosen) else R


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


def source_shift(moved, **conventions):
    """Where the source goes in the patient when the table moves, from the same place with the table at rest."""
    chosen = Conventions(**conventions)
    first = replace(TAGS, patient_position=moved.patient_position, table_top=moved.table_top and TableTop((0, 0, 0)))
    first = replace(first, isocentre=moved.isocentre and IsocentreTags((0.0, 0.0, 0.0), (1.0, 2.0, 3.0)))
    return approximate_view(moved, first, chosen).source - approximate_view(first, first, chosen).source


def test_a_table_that_moves_with_the_patient_moves_the_source_the_other_way():
    """Table 20 mm to its left, 10 mm down and 40 mm to its head."""
    moved = IsocentreTags((0.0, 0.0, 0.0), (21.0, 12.0, 43.0))
    assert np.allclose(source_shift(replace(TAGS, isocentre=moved)), (-20, -10, -40))
    assert np.allclose(source_shift(replace(TAGS, isocentre=moved, patient_position="HFP")), (20, 10, -40))


@pytest.mark.parametrize(
    ("movement", "expected"), [((20.0, 0, 0), (-20, 0, 0)), ((0, 10.0, 0), (0, -10, 0)), ((0, 0, 40.0), (0, 0, -40))]
)
def test_each_movement_of_the_table_top_has_its_direction(movement, expected):
    """Longitudinal is positive towards LAO, vertical downwards, lateral towards CRA (PS3.3 C.8.7.4, C.8.19.6.11)."""
    increments, position = replace(TAGS, table_shift=movement), replace(TAGS, table_top=TableTop(movement))
    assert np.allclose(source_shift(increments), expected)
    assert np.allclose(source_shift(position), expected)
    swapped = replace(position, table_top=TableTop(movement[::-1]))
    assert np.allclose(source_shift(swapped, table=TableAxes.LENGTHWISE), expected)


def test_the_table_top_moves_along_the_table_and_increments_along_the_patient():
    tags = replace(TAGS, patient_position="FFP")
    assert np.allclose(source_shift(replace(tags, table_top=TableTop((20, 10, 40)))), (-20, 10, 40))
    assert np.allclose(source_shift(replace(tags, table_shift=(20, 10, 40))), (-20, 10, -40))


@pytest.mark.parametrize(
    ("angles", "axis", "expected"),
    [((30, 0, 0), 2, (0.5, 0, np.sqrt(0.75))), ((0, 30, 0), 2, (0, -0.5, np.sqrt(0.75))), ((0, 0, 30), 0, None)],
)
def test_each_angle_of_the_table_has_its_sign(angles, axis, expected):
    """Horizontal rotation turns the head end from +Z to +X, head tilt lifts it (PS3.3 C.8.19.6.13.1.3)."""
    room_from_table = _table_turn(IsocentreTags((0.0, 0.0, 0.0), table_angles=angles)).T
    right_handed_cradle = (np.sqrt(0.75), 0.5, 0)
    assert np.allclose(room_from_table[:, axis], right_handed_cradle if expected is None else expected)


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


def test_a_table_that_turns_about_the_isocentre_turns_the_beam_in_the_patient():
    """Head tilt lifts the head, so that the vertical beam comes out nearer to the feet of the patient's front."""
    tilted = replace(TAGS, isocentre=IsocentreTags((0.0, 0.0, 0.0), table_angles=(0.0, 20.0, 0.0)))
    assert np.allclose(np.linalg.norm(approximate_view(tilted).source), 620)
    assert np.allclose(axes(tilted)[:, 2], (0, -np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))))
    point = np.array([10.0, -5.0, 30.0])
    turned = replace(TAGS, isocentre=IsocentreTags((0.0, 0.0, 0.0), (5.0, 6.0, 7.0), (30.0, 0.0, 0.0)))
    depth = approximate_view(turned, turned).project(point)[1]
    assert np.isclose(depth, 620 + 5.0)


@pytest.mark.parametrize("keyword", ["ImagerPixelSpacing", "DistanceSourceToDetector", "PositionerSecondaryAngle"])
def test_missing_attributes_are_named(file, keyword):
    tags = carm_tags(dicom(file, **(STATED | {keyword: None})))
    assert [found.split()[0] for found in missing_attributes(tags)] == [keyword]
    with pytest.raises(FormatError, match=rf"shot\.dcm: .*{keyword}.* missing; .*--calibration"):
        approximate_view(tags)


def test_impossible_attributes_are_refused():
    with pytest.raises(FormatError, match="between source and detector"):
        approximate_view(replace(TAGS, source_patient=1200.0))
    with pytest.raises(FormatError, match="PatientPosition is SITTING"):
        approximate_view(replace(TAGS, patient_position="SITTING"))
    with pytest.raises(FormatError, match="PatientOrientation is 'X'"):
        approximate_view(replace(TAGS, patient_orientation=("X", "F")))


class TestIncrements:
    def cine(self, file, **tags):
        return dicom(file, np.stack([SHOT] * 3), NumberOfFrames=3, **STATED, **tags)

    def primary(self, file, increments=Increments.FROM_FIRST):
        return [carm_tags(file, n, increments).primary_angle for n in range(3)]

    def test_a_vector_holds_offsets_from_the_first_frame(self, file):
        self.cine(file, PositionerPrimaryAngleIncrement=["0", "15", "32"])
        assert self.primary(file) == [10, 25, 42]
        assert self.primary(file, Increments.FROM_PREVIOUS) == [10, 25, 57]

    def test_the_orientation_of_the_first_frame_goes_along(self, file):
        self.cine(file, PositionerPrimaryAngleIncrement=["0", "90", "170"], PatientOrientation=["L", "F"])
        assert [is_mirrored(carm_tags(file, n)) for n in range(3)] == [True] * 3

    def test_one_value_is_the_mean_step(self, file):
        self.cine(file, PositionerPrimaryAngleIncrement="-7")
        assert self.primary(file) == [10, 3, -4]

    def test_a_run_without_movement_keeps_its_angle(self, file):
        self.cine(file)
        assert self.primary(file) == [10, 10, 10]

    def test_another_number_is_refused(self, file):
        self.cine(file, PositionerPrimaryAngleIncrement=["1", "2"])
        with pytest.raises(FormatError, match="2 values for 3 frames"):
            carm_tags(file)

    def test_a_frame_beyond_the_last_is_refused(self, file):
        with pytest.raises(FormatError, match="frame 3 of 3"):
            carm_tags(self.cine(file), 3)


def group(**sequences):
    """A functional group of sequences with one item each, from dictionaries of their attributes."""
    outer = Dataset()
    for name, tags in sequences.items():
        inner = Dataset()
        for key, value in tags.items():
            setattr(inner, key, value)
        setattr(outer, name, Sequence([inner]))
    return outer


def test_enhanced_images_state_geometry_by_frame(file):
    shared = group(
        FramePixelDataPropertiesSequence={"ImagerPixelSpacing": ["0.4", "0.5"]},
        XRayGeometrySequence={"DistanceSourceToDetector": 1000.0, "DistanceSourceToIsocenter": 620.0},
    )
    frames = [
        group(
            PositionerPositionSequence={"PositionerPrimaryAngle": 10.0 * n, "PositionerSecondaryAngle": 5.0},
            IsocenterReferenceSystemSequence={
                "PositionerIsocenterPrimaryAngle": 11.0 * n,
                "PositionerIsocenterSecondaryAngle": 4.0,
                "PositionerIsocenterDetectorRotationAngle": 2.0,
                "TableXPositionToIsocenter": 1.0 + n,
                "TableHeadTiltAngle": 3.0,
            },
        )
        for n in range(2)
    ]
    tags = {"SharedFunctionalGroupsSequence": Sequence([shared]), "PerFrameFunctionalGroupsSequence": Sequence(frames)}
    dicom(file, np.stack([SHOT, SHOT]), NumberOfFrames=2, SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1.1", **tags)
    found = carm_tags(file, 1)
    assert found.pixel_spacing == (0.5, 0.4)
    assert (found.source_detector, found.source_patient) == (1000, 620)
    assert (found.primary_angle, found.secondary_angle) == (10, 5)
    assert found.isocentre == IsocentreTags((11.0, 4.0, 2.0), (2.0, 0.0, 0.0), (0.0, 3.0, 0.0))


def test_codes_state_the_patients_position(file):
    def code(value, **more):
        item = Dataset()
        item.CodeValue = value
        for key, sequence in more.items():
            setattr(item, key, sequence)
        return Sequence([item])

    lying = code("F-10450", PatientOrientationModifierCodeSequence=code("F-10310"))
    tags = {"PatientOrientationCodeSequence": lying, "PatientGantryRelationshipCodeSequence": code("F-10480")}
    assert carm_tags(dicom(file, **tags)).patient_position == "FFP"
    assert carm_tags(dicom(file, **tags, PatientPosition="HFS")).patient_position == "HFS"


def test_a_spacing_that_was_calibrated_in_the_patient_is_magnified(file):
    tags = STATED | {"ImagerPixelSpacing": None, "PixelSpacing": ["0.2", "0.3"]}
    found = carm_tags(dicom(file, **tags, PixelSpacingCalibrationType="GEOMETRY"))
    assert np.allclose(found.pixel_spacing, (0.3 * 1000 / 620, 0.2 * 1000 / 620))
    with pytest.warns(IXGSWarning, match="size in the patient"):
        assert carm_tags(dicom(file, **tags)).pixel_spacing is None


def test_the_magnification_replaces_a_missing_distance_to_the_patient(file):
    tags = STATED | {"DistanceSourceToPatient": None, "EstimatedRadiographicMagnificationFactor": "1.6"}
    assert carm_tags(dicom(file, **tags)).source_patient == 625


def test_an_aspect_ratio_that_contradicts_the_spacing_is_warned_of(file):
    with pytest.warns(IXGSWarning, match="PixelAspectRatio"):
        carm_tags(dicom(file, **STATED, PixelAspectRatio=["1", "1"]))


def test_a_field_of_view_beside_the_middle_of_the_detector_moves_the_isocentre(file):
    tags = STATED | {"ImagerPixelSpacing": ["0.4", "0.4"], "DetectorElementSpacing": ["0.2", "0.2"]}
    tags |= {"FieldOfViewOrigin": ["100", "40"], "FieldOfViewRotation": "0", "FieldOfViewHorizontalFlip": "NO"}
    assert carm_tags(dicom(file, **tags)).isocentre_offset == (0, 0)
    active = {"DetectorActiveOrigin": ["0", "0"], "DetectorActiveDimensions": ["60", "40"]}
    found = carm_tags(dicom(file, **tags, **active))
    assert np.allclose(found.isocentre_offset, (20 - 8 - 9.6, 30 - 20 - 12.8))
    assert (found.rotation, found.flipped) == (0, False)


def test_a_portal_image_has_its_source_above_at_gantry_zero(file):
    tags = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.1", "Modality": "RTIMAGE", "GantryAngle": "0"}
    tags |= {"RTImageSID": "1500", "RadiationMachineSAD": "1000", "ImagePlanePixelSpacing": ["0.4", "0.5"]}
    upright = carm_tags(dicom(file, **tags, PatientPosition="HFS", RTImagePosition=[-10.0, 8.0]))
    view = approximate_view(upright)
    assert np.allclose(view.source, (0, -1000, 0))
    assert np.allclose(view.project((0, 0, 0))[0], (20, 20))
    assert np.allclose(axes(upright)[:, :2], np.column_stack([L, -H]))
    left = approximate_view(carm_tags(dicom(file, **(tags | {"GantryAngle": "90"}))))
    assert np.allclose(left.source, (1000, 0, 0))
