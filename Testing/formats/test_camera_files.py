"""Calibrations as cameras: JSON, OpenCV, and what their files state about themselves."""

import json

import numpy as np
import pytest

from IXGSLib.errors import FormatError, IXGSWarning
from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.formats.calibrations.detector import Detector
from Testing.formats import foreign
from Testing.formats.views import VIEWS, error, read


def cameras(**more):
    """K, R and t of every view, as lists."""
    poses = [view.camera_from_world for view in VIEWS]
    return [
        {"name": v.id, "K": v.K.tolist(), "R": pose[:3, :3].tolist(), "t": pose[:3, 3].tolist(), **more}
        for v, pose in zip(VIEWS, poses, strict=True)
    ]


def written(folder, tree):
    (folder / "c.json").write_text(json.dumps(tree))
    return folder / "c.json"


def test_cameras_in_other_shapes_are_the_same(tmp_path):
    flat = [{**c, "K": np.ravel(c["K"]).tolist(), "R": np.ravel(c["R"]).tolist()} for c in cameras()]
    numbers = [{"fx": v.K[0, 0], "fy": v.K[1, 1], "cx": v.K[0, 2], "cy": v.K[1, 2]} for v in VIEWS]
    poses = [{key: c[key] for key in ("R", "t")} for c in cameras()]
    shapes = [
        flat,
        [{**n, **pose} for n, pose in zip(numbers, poses, strict=True)],
        [{"intrinsics": n, "extrinsics": pose} for n, pose in zip(numbers, poses, strict=True)],
        {"cameras": {c["name"]: c for c in cameras()}},
        {"views": [{"filename": v.id, "P": v.projection_matrix.ravel().tolist()} for v in VIEWS]},
    ]
    for shape in shapes:
        assert error(read(written(tmp_path, shape))) < 1e-6


def test_twelve_cameras_are_no_matrix(tmp_path):
    twelve = [{"projection_matrix": v.projection_matrix.tolist()} for v in (*VIEWS, VIEWS[0])]
    assert len(read_calibration(written(tmp_path, {"views": twelve})).views) == 12


@pytest.mark.parametrize("key", ["size", "image_size", "resolution"])
def test_a_stated_size_is_compared_with_the_image(tmp_path, key):
    path = written(tmp_path, cameras(**{key: [80, 80]}))
    with pytest.raises(FormatError, match="the image is 40 x 40 pixels, the calibration 80 x 80"):
        read(path)[0].view((40, 40), "a")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({"frame": "RAS"}, "frame is RAS, expected LPS; multiply the poses by diag"),
        ({"coordinateSystem": "ras"}, "frame is RAS"),
        ({"unit": "cm"}, "unit is 'cm', read as mm; give --unit cm"),
        ({"units": "Inches"}, "unit is 'inches', read as mm; give --unit in"),
    ],
)
def test_a_frame_or_unit_that_a_file_states_is_compared(tmp_path, statement, message):
    with pytest.raises(FormatError, match=message):
        read(written(tmp_path, {**statement, "views": cameras()}))
    assert error(read(written(tmp_path, {"frame": "LPS", "unit": "mm", "views": cameras()}))) < 1e-6


@pytest.mark.parametrize("heading", ["", "---\n", "\ufeff%YAML:1.0\n---\n"])
def test_opencv_files_are_read_by_their_suffix(tmp_path, heading):
    text = foreign.opencv_calibration(tmp_path, VIEWS).read_text(encoding="utf-8")
    (tmp_path / "c.yml").write_text(heading + text.partition("---\n")[2], encoding="utf-8")
    assert error(read(tmp_path / "c.yml")) < 1e-6


def test_maps_inside_maps_are_refused_rather_than_mixed_up(tmp_path):
    matrix = "P: !!opencv-matrix\n      rows: 3\n      cols: 4\n      dt: d\n      data: [1,0,0,0,0,1,0,0,0,0,1,0]\n"
    (tmp_path / "c.yml").write_text(f"%YAML:1.0\n---\nleft:\n   {matrix}right:\n   {matrix}")
    with pytest.raises(FormatError, match="more than one 'P'"):
        read_calibration(tmp_path / "c.yml")


def test_points_of_slicer_are_named(tmp_path):
    (tmp_path / "F.mrk.json").write_text(json.dumps({"@schema": "...", "markups": [{"type": "Fiducial"}]}))
    with pytest.raises(FormatError, match="Markups"):
        read_calibration(tmp_path / "F.mrk.json")


def test_angles_in_degrees_are_named(tmp_path):
    tigre = {**foreign.tigre_fields(VIEWS, -1), "angles": [0.0, 45.0, 90.0]}
    lengths = ("DistanceOriginSource", "DistanceOriginDetector", "DetectorSpacingX", "DetectorSpacingY")
    astra = {"type": "cone", "ProjectionAngles": [0, 90], **dict.fromkeys(lengths, 1)}
    for tree in (tigre, astra):
        with pytest.raises(FormatError, match="expected radians; they look like degrees"):
            read_calibration(written(tmp_path, tree))


def test_a_pixel_spacing_that_contradicts_the_file_is_a_warning(tmp_path):
    path = foreign.astra(tmp_path, VIEWS)
    with pytest.warns(IXGSWarning, match=r"6 x 6 mm.*--pixel-spacing.* 3 x 3 mm"):
        read_calibration(path, CalibrationOptions(detector=Detector((3.0, 3.0))))


def test_xml_in_utf_16_is_read_and_its_entities_are_refused(tmp_path):
    text = foreign.rtk(tmp_path, VIEWS).read_text()
    (tmp_path / "g.xml").write_bytes(text.encode("utf-16"))
    assert error(read(tmp_path / "g.xml")) < 1e-6
    bomb = text.replace("<!DOCTYPE RTKGEOMETRY>", '<!DOCTYPE RTKGEOMETRY [<!ENTITY a "1">]>')
    assert bomb != text
    (tmp_path / "g.xml").write_bytes(bomb.encode("utf-16"))
    with pytest.raises(FormatError, match="entities"):
        read_calibration(tmp_path / "g.xml")


@pytest.mark.parametrize("write", [foreign.mayacam, foreign.nerfstudio, foreign.opencv_calibration])
def test_lens_distortion_is_warned_about(write, tmp_path):
    path = write(tmp_path, VIEWS)
    if path.is_dir():
        file = path / "calib_shot1.txt"
        file.write_text(file.read_text() + "\nundistortion\n" + "0.1\n" * 8)
    elif path.suffix == ".json":
        path.write_text(json.dumps(json.loads(path.read_text()) | {"k1": 0.1}))
    else:
        path.write_text(
            path.read_text() + "distortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: 2\n   data: [ 0.1, 0 ]\n"
        )
    with pytest.warns(IXGSWarning, match="distortion is not .*applied"):
        read(path)


def test_a_pose_without_intrinsics_names_the_file_that_it_needs(tmp_path):
    foreign.itk(tmp_path, VIEWS)
    (tmp_path / "intrinsics.json").unlink()
    with pytest.raises(FormatError, match=r"expected intrinsics\.json in the same folder"):
        read(tmp_path, format="itk")
