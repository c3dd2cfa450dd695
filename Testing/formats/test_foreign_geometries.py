"""Geometries of other programs follow the formulas of those programs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import FormatError, IXGSWarning
from IXGSLib.files import sha256
from IXGSLib.formats import load_calibrated
from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.formats.calibrations.mayacam import write_mayacam
from IXGSLib.formats.calibrations.nerfstudio import write_transforms
from Testing.formats import foreign
from Testing.formats.views import GRID, POINTS, VIEWS, error, read

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*left-handed, as in ASTRA:IXGSLib.errors.IXGSWarning"),
    pytest.mark.filterwarnings("ignore:Gimbal lock:UserWarning"),
]


def test_astra_rows_that_count_upwards_are_warned_about(tmp_path):
    with pytest.warns(IXGSWarning, match="turned upside down"):
        read_calibration(foreign.astra_upwards(tmp_path, VIEWS))


def test_astras_circular_geometry_is_that_of_its_vectors(tmp_path):
    angles = np.linspace(0, 2, 5)
    geometry = {"type": "cone", "DetectorSpacingX": 0.8, "DetectorSpacingY": 0.9, "DetectorRowCount": 30}
    geometry |= {"DetectorColCount": 40, "ProjectionAngles": angles.tolist()}
    geometry |= {"DistanceOriginSource": 600.0, "DistanceOriginDetector": 400.0}
    (tmp_path / "g.json").write_text(json.dumps(geometry))
    views = read_calibration(tmp_path / "g.json").views
    for angle, found in zip(angles, views, strict=True):
        view = found.view((40, 30), "a")
        # ASTRA: the source starts at -y and turns towards +x; columns start along +x, rows count along +z.
        assert np.abs(view.source - 600 * np.array([np.sin(angle), -np.cos(angle), 0])).max() < 1e-9
        assert np.abs(view.world_from_camera[:3, 0] - (np.cos(angle), np.sin(angle), 0)).max() < 1e-12
        assert np.abs(view.world_from_camera[:3, 1] - (0, 0, -1)).max() < 1e-12
        assert view.project((0, 0, 0))[0] == pytest.approx((19.5, 14.5))


def test_tigres_offsets_move_what_they_are_named_after(tmp_path):
    """Against TIGRE's own sequence: detector turned about x, y, z, shifted, turned by the angle, volume shifted."""
    geometry = {"DSD": 1000.0, "DSO": 600.0, "nDetector": [30, 40], "dDetector": [0.9, 0.8], "COR": 3.0}
    geometry |= {"offOrigin": [7.0, -5.0, 2.0], "offDetector": [11.0, -13.0], "rotDetector": [0.02, -0.03, 0.05]}
    angle = 0.7
    (tmp_path / "t.json").write_text(json.dumps({**geometry, "angles": [angle, 1.0]}))
    view = read(tmp_path / "t.json", detector=None)[0].view((40, 30), "a")
    yaw, pitch, roll = geometry["rotDetector"]
    turn = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    local = foreign.Rotation.from_euler("xyz", [yaw, pitch, roll]).as_matrix()
    shift = np.array([-3 * np.sin(angle), 3 * np.cos(angle), 0]) - [2.0, -5.0, 7.0]
    for column, row in ((0, 0), (39, 0), (17, 29)):
        flat = np.array([0, 0.8 * (column - 19.5), 0.9 * ((29 - row) - 14.5)])  # rows of the View run downwards
        pixel = turn @ (local @ flat + [-400.0, -13.0, 11.0]) + shift
        source = turn @ np.array([600.0, 0, 0]) + shift
        assert np.abs(view.source - source).max() < 1e-9
        assert np.abs(view.project(pixel)[0] - (column, row)).max() < 1e-6


def test_r2_gaussians_images_come_with_their_poses(tmp_path):
    path = foreign.r2_gaussian(tmp_path, VIEWS)
    case = load_calibrated(tmp_path, path, values="line_integral", grid=GRID)
    first = np.load(tmp_path / "proj_train" / "shot1.npy")
    assert np.array_equal(case.xrays[0].image, first[::-1])
    assert len(read_calibration(path, CalibrationOptions("r2-gaussian:test")).views) == 2
    assert sha256((tmp_path / "proj_train" / "shot1.npy").read_bytes()) in case.hashes.values()
    data = json.loads(path.read_text())
    data["proj_train"][0]["file_path"] = "../secret.npy"
    path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match="outside the case's folder"):
        read(path)
    data["scanner"]["mode"] = "parallel"
    path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match="mode parallel, expected cone"):
        read(path)


def test_written_transforms_and_mayacams_come_back(tmp_path):
    views = [v.cropped(1.25, -2.5, v.size) for v in VIEWS]
    write_transforms(tmp_path / "transforms.json", views)
    assert error(read(tmp_path / "transforms.json"), views) < 1e-9
    write_mayacam(tmp_path / "maya", views)
    assert error(read(tmp_path / "maya"), views) < 1e-9
    skewed = VIEWS[0].K.copy()
    skewed[0, 1] = 3.0
    with pytest.raises(FormatError, match="cannot hold its skew"):
        write_transforms(tmp_path / "t.json", [replace(VIEWS[0], K=skewed)])


def deepfluoro(path):
    """A file as DeepFluoro's, with two specimens; the projections' K, extrinsic and rotations."""
    h5py = pytest.importorskip("h5py")
    K = np.array([[-500.0, 0, 19.5], [0, -500, 19.5], [0, 0, 1]])
    extrinsic = np.eye(4)
    extrinsic[:3, 3] = (3, -4, -600)
    poses = [foreign.Rotation.from_euler("xyz", (0.1 * n, 0.4 * n, -0.2 * n)).as_matrix() for n in range(3)]
    with h5py.File(path, "w") as file:
        parameters = file.create_group("proj-params")
        values = {"intrinsic": K, "extrinsic": extrinsic, "num-rows": 40, "num-cols": 40}
        for key, value in (values | {"pixel-row-spacing": 2.0, "pixel-col-spacing": 2.0}).items():
            parameters[key] = value
        for n, R in enumerate(poses):
            for specimen in ("17-1882", "18-1109"):
                file[f"{specimen}/projections/{n:03d}/gt-poses/cam-to-pelvis-vol"] = np.block(
                    [[R, np.array([[5.0], [n], [2.0]])], [np.zeros((1, 3)), 1]]
                )
                pixels = np.random.default_rng(n).uniform(1, 2, (40, 40)).astype(np.float32)
                file[f"{specimen}/projections/{n:03d}/image/pixels"] = pixels
    return K, extrinsic, poses


def test_deepfluoros_projections_are_those_of_its_own_formula(tmp_path):
    path = tmp_path / "full.h5"
    K, extrinsic, poses = deepfluoro(path)
    with pytest.raises(FormatError, match=r"2 specimens.*deepfluoro:17-1882 or .*deepfluoro:18-1109"):
        read_calibration(path)
    options = CalibrationOptions("deepfluoro:17-1882")
    case = load_calibrated(path, path, values="line_integral", grid=GRID, options=options)
    assert np.array_equal(case.xrays[1].image, np.random.default_rng(1).uniform(1, 2, (40, 40)).astype("f4")[::-1])
    for n, view in enumerate(case.views):
        pose = np.block([[poses[n], np.array([[5.0], [n], [2.0]])], [np.zeros((1, 3)), 1]])
        camera = (extrinsic @ np.linalg.inv(pose) @ np.column_stack([POINTS, np.ones(40)]).T)[:3]
        stored = (K @ camera / camera[2]).T[:, :2]
        assert np.abs(view.project(POINTS)[0] - np.column_stack([stored[:, 0], 39 - stored[:, 1]])).max() < 1e-6


def test_transforms_alone_do_not_say_whose_axes_they_have(tmp_path):
    with pytest.raises(FormatError, match=r"--calibration-format itk .* or --calibration-format slicer"):
        read(foreign.slicer(tmp_path, VIEWS))
