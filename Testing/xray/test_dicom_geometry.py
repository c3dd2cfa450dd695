"""Attributes that state the geometry of a C-arm: missing, impossible, of enhanced images and of other devices."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from IXGSLib.errors import FormatError, IXGSWarning
from IXGSLib.xray.dicom.conventions import Increments
from IXGSLib.xray.dicom.geometry import (
    approximate_view,
    is_mirrored,
    missing_attributes,
)
from IXGSLib.xray.dicom.tags import IsocentreTags, carm_tags
from Testing.xray.c_arm_tags import STATED, TAGS, H, L, axes, group
from Testing.xray.test_dicom import SHOT, dicom


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shot.dcm"


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
