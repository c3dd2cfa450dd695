from dataclasses import replace

import numpy as np
import pytest
import tifffile
from pydicom.sequence import Sequence

from IXGSLib.errors import FormatError, SettingsError
from IXGSLib.formats import load_case, save_case
from IXGSLib.formats.case_source import CaseOptions
from IXGSLib.formats.dicom_folder import holds_dicom, load_tagged
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, angles, arc, trajectory
from IXGSLib.runs.provenance import case_record
from IXGSLib.xray.dicom import reading
from IXGSLib.xray.dicom.objects import open_dataset
from Testing.xray.c_arm_tags import group
from Testing.xray.test_dicom import dicom

ARM = CArm(620.0, 1000.0, (48, 40), 240.0)
GANTRY = arc(8, 160, 20)
GRID = Grid.centered((0, 0, 0), (40, 40, 40), 2.0)
POINT = np.array([20.0, -10.0, 15.0])
I0 = 4000.0


def shadow(view):
    """The image of a small dense ball at POINT, as beam intensity in 12 bits."""
    pixel, _ = view.project(POINT)
    y, x = np.mgrid[: view.size[1], : view.size[0]]
    distance = (x - pixel[0]) ** 2 + (y - pixel[1]) ** 2
    return np.rint(I0 * np.exp(-2 * np.exp(-distance / 8) - 0.2)).astype(np.uint16)


def stated(view, **tags):
    primary, secondary = angles(view)
    return {
        "ImagerPixelSpacing": ["5", "5"],
        "DistanceSourceToDetector": "1000",
        "DistanceSourceToPatient": "620",
        "PositionerPrimaryAngle": f"{primary:.6f}",
        "PositionerSecondaryAngle": f"{secondary:.6f}",
        "PixelIntensityRelationshipSign": 1,
    } | tags


@pytest.fixture
def views():
    return trajectory(ARM, GANTRY, (0, 0, 0))


@pytest.fixture
def folder(tmp_path, views):
    folder = tmp_path / "XA"
    folder.mkdir()
    for n, view in enumerate(views):
        dicom(folder / f"1.2.840.9.{n + 1}", shadow(view), **stated(view, InstanceNumber=n + 1))
    return folder


def darkest(xray):
    """(x, y) of the largest line integral."""
    return np.array(np.unravel_index(xray.image.argmax(), xray.image.shape))[::-1]


def assert_ball_is_found(case):
    for xray in case.xrays:
        assert np.abs(darkest(xray) - xray.view.project(POINT)[0]).max() < 1


def test_tags_alone_make_a_case(folder, views):
    named = load_tagged(folder, i0=I0, file_names=True)
    assert [view.id for view in named.views] == [f"1.2.840.9.{n + 1}" for n in range(8)]
    case = load_tagged(folder, i0=I0)
    assert [view.id for view in case.views] == [f"{n:03d}" for n in range(8)]
    for found, expected in zip(case.views, views, strict=True):
        assert np.allclose(found.projection_matrix, expected.projection_matrix, atol=1e-3)
    assert_ball_is_found(case)
    assert {xray.values for xray in case.xrays} == {"intensity"}


def test_the_case_says_that_its_poses_are_approximate(folder, tmp_path):
    case = load_tagged(folder, i0=I0)
    warning = next(warning for warning in case.warnings if "approximate" in warning)
    assert "DICOM tags" in warning
    assert "--calibration" in warning
    assert case.provenance == {view.id: "tags" for view in case.views}
    save_case(replace(case, grid=GRID), tmp_path / "case")
    assert load_case(tmp_path / "case").provenance == case.provenance


def test_images_that_show_the_patient_mirrored_are_turned_back(folder, views):
    for n, view in enumerate(views):
        right = "L" if abs(GANTRY[n][0]) < 45 else "P" if GANTRY[n][0] > 0 else "A"
        tags = stated(view, InstanceNumber=n + 1, PatientOrientation=[right, "F"])
        dicom(folder / f"1.2.840.9.{n + 1}", shadow(view)[:, ::-1], **tags)
    case = load_tagged(folder, i0=I0)
    assert_ball_is_found(case)
    assert all(xray.view.world_from_camera[2, 1] < 0 for xray in case.xrays)  # the head stays at the top


def test_an_orientation_that_does_not_follow_the_angle_is_warned_of(folder, views):
    tags = stated(views[0], InstanceNumber=1, PatientOrientation=["A", "F"])
    dicom(folder / "1.2.840.9.1", shadow(views[0])[:, ::-1], **tags)
    case = load_tagged(folder, i0=I0)
    assert any("000 show the patient mirrored" in warning for warning in case.warnings)


def test_the_frames_of_a_run_are_views(tmp_path, views):
    primary = [f"{angles(view)[0] - angles(views[0])[0]:.6f}" for view in views]
    secondary = [f"{angles(view)[1] - angles(views[0])[1]:.6f}" for view in views]
    tags = {"PositionerPrimaryAngleIncrement": primary, "PositionerSecondaryAngleIncrement": secondary}
    file = dicom(
        tmp_path / "run.dcm", np.stack([shadow(v) for v in views]), NumberOfFrames=8, **stated(views[0], **tags)
    )
    case = load_tagged(file, i0=I0)
    assert [view.id for view in case.views] == [f"{n:03d}" for n in range(8)]
    assert_ball_is_found(case)


def test_a_run_is_read_once_for_all_its_frames(tmp_path, views, monkeypatch):
    primary = [f"{angles(view)[0] - angles(views[0])[0]:.6f}" for view in views]
    tags = stated(views[0], PositionerPrimaryAngleIncrement=primary)
    file = dicom(tmp_path / "run.dcm", np.stack([shadow(v) for v in views]), NumberOfFrames=8, **tags)
    opened = []
    monkeypatch.setattr(reading, "open_dataset", lambda path: opened.append(path) or open_dataset(path))
    assert len(load_tagged(file, i0=I0).xrays) == 8
    assert len(opened) == 1


def test_systems_that_deviate_from_the_standard_are_described_by_name(folder, views, tmp_path):
    """Angles that count the other way, images as seen from the detector and turned upside down."""
    for n, view in enumerate(views):
        primary, secondary = (f"{-angle:.6f}" for angle in angles(view))
        tags = stated(view, InstanceNumber=n + 1, PositionerPrimaryAngle=primary, PositionerSecondaryAngle=secondary)
        dicom(folder / f"1.2.840.9.{n + 1}", shadow(view)[::-1], **tags)
    names = ("primary-reversed", "secondary-reversed", "seen-from-detector", "half-turn")
    case = CaseOptions(i0=I0, tag_conventions=names).load(folder)
    assert_ball_is_found(case)
    origin = f"tags ({', '.join(names)})"
    assert set(case.provenance.values()) == {origin}
    assert set(case_record(case)["case"]["provenance"].values()) == {origin}
    assert not any("seen from the source" in warning for warning in case.warnings)
    assert np.abs(darkest(load_tagged(folder, i0=I0).xrays[0]) - views[0].project(POINT)[0]).max() > 1


def test_conventions_of_tags_are_refused_where_no_tags_are_used(folder, tmp_path):
    options = CaseOptions(tag_conventions=("room-angles",), calibration=tmp_path / "m.csv", values="intensity")
    with pytest.raises(SettingsError, match="--tag-conventions is for poses from DICOM tags"):
        options.load(folder)
    (tmp_path / "case.json").write_text("{}")
    with pytest.raises(SettingsError, match="--tag-conventions is for DICOM X-rays alone"):
        CaseOptions(tag_conventions=("room-angles",)).load(tmp_path)


def table(position, angles=(0, 0, 0)):
    names = ("TableTopLongitudinalPosition", "TableTopVerticalPosition", "TableTopLateralPosition")
    turned = ("TableHorizontalRotationAngle", "TableHeadTiltAngle", "TableCradleTiltAngle")
    return group(TablePositionSequence=dict(zip((*names, *turned), map(float, (*position, *angles)), strict=True)))


def test_the_positions_of_the_table_top_place_the_views(folder, views):
    """The table moves 10 mm towards LAO, 5 mm down and 20 mm towards CRA from each view to the next."""
    step = np.array([10.0, 5.0, 20.0])
    for n, view in enumerate(views):
        tags = stated(view, InstanceNumber=n + 1, SharedFunctionalGroupsSequence=Sequence([table(n * step)]))
        dicom(folder / f"1.2.840.9.{n + 1}", shadow(view), **tags)
    case = load_tagged(folder, i0=I0, grid=GRID)
    for n, (found, plain) in enumerate(zip(case.views, views, strict=True)):
        assert np.allclose(found.source - plain.source, -n * step, atol=1e-3)
    assert not any("table" in warning for warning in case.warnings)


def test_a_table_that_tilts_between_the_views_is_warned_of(folder, views):
    for n, view in enumerate(views):
        tilt = table((0, 0, 0), (0, n, 0))
        tags = stated(view, InstanceNumber=n + 1, SharedFunctionalGroupsSequence=Sequence([tilt]))
        dicom(folder / f"1.2.840.9.{n + 1}", shadow(view), **tags)
    assert any("the table turned or tilted between" in warning for warning in load_tagged(folder, i0=I0).warnings)


def test_a_run_without_movement_is_refused_as_one_angle(tmp_path, views):
    file = dicom(tmp_path / "run.dcm", np.stack([shadow(views[0])] * 3), NumberOfFrames=3, **stated(views[0]))
    with pytest.raises(FormatError, match=r"run\.dcm: all 3 X-rays were taken at the same angle"):
        load_tagged(file, i0=I0)


def test_logarithmic_pixels_are_line_integrals(folder, views):
    for n, view in enumerate(views):
        stored = np.rint(4095 * np.log(shadow(view)) / np.log(4096)).astype(np.uint16)
        tags = stated(view, InstanceNumber=n + 1, PixelIntensityRelationship="LOG")
        dicom(folder / f"1.2.840.9.{n + 1}", stored, **tags)
    case = load_tagged(folder)
    assert {xray.values for xray in case.xrays} == {"line_integral"}
    assert_ball_is_found(case)
    assert case.xrays[3].image.max() == pytest.approx(2, abs=0.2)
    dicom(folder / "1.2.840.9.1", shadow(views[0]), **stated(views[0], InstanceNumber=1))
    with pytest.raises(FormatError, match="some X-rays are logarithmic"):
        load_tagged(folder)


def test_missing_tags_are_named_with_the_cure(folder, views):
    dicom(folder / "1.2.840.9.4", shadow(views[3]), **stated(views[3], InstanceNumber=4, ImagerPixelSpacing=None))
    with pytest.raises(FormatError, match=r"1\.2\.840\.9\.4: .*ImagerPixelSpacing \(0018,1164\).*--calibration"):
        load_tagged(folder, i0=I0)


def test_another_image_among_them_is_named(folder, views):
    tifffile.imwrite(folder / "shot9.tif", shadow(views[0]))
    with pytest.raises(FormatError, match=r"shot9\.tif: not a DICOM file"):
        load_tagged(folder, i0=I0)


def test_what_holds_dicom(folder, tmp_path):
    assert holds_dicom(folder)
    assert holds_dicom(folder / "1.2.840.9.1")
    assert not holds_dicom(tmp_path)
    assert not holds_dicom(tmp_path / "gone")
    (folder / "case.json").write_text("{}")
    assert not holds_dicom(folder)
