import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from IXGSLib.errors import FormatError, GeometryError
from IXGSLib.formats import Case, load_calibrated, load_case, save_case
from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.formats.calibrations.detector import Detector
from IXGSLib.formats.calibrations.matrices import write_matrices
from IXGSLib.formats.calibrations.rtk import write_rtk
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.xray import XRay

ARM = CArm(detector_pixels=(40, 30), detector_size=240)
CENTER = np.array([5.0, -20.0, 30.0])
GRID = Grid.centered(CENTER, (40, 40, 40), 2.0)
POINTS = CENTER + np.random.default_rng(0).uniform(-20, 20, (40, 3))
COUNT = 11
SIX_MM = CalibrationOptions(detector=Detector((6.0, 6.0)))


@pytest.fixture
def scene(tmp_path):
    """A case of views with a wobbling principal point, and a folder with its images named shot1 to shot11."""
    generator = np.random.default_rng(4)
    views = [v.cropped(*generator.uniform(-2, 2, 2), v.size) for v in trajectory(ARM, arc(COUNT, 180, 20), CENTER)]
    images = [generator.uniform(0.1, 4, (30, 40)).astype(np.float32) for _ in views]
    case = Case(
        tuple(
            XRay(replace(v, id=f"shot{n + 1}"), i, np.ones(i.shape, bool))
            for n, (v, i) in enumerate(zip(views, images, strict=True))
        ),
        GRID,
    )
    folder = tmp_path / "Bilder é 1"
    folder.mkdir()
    for xray in case.xrays:
        tifffile.imwrite(folder / f"{xray.view.id}.tiff", xray.image)
    return case, folder


def assert_same(case, expected, tolerance=1e-8):
    assert len(case.xrays) == len(expected.xrays)
    for found, wanted in zip(case.xrays, expected.xrays, strict=True):
        assert np.array_equal(found.image, wanted.image)
        assert np.abs(found.view.project(POINTS)[0] - wanted.view.project(POINTS)[0]).max() < tolerance


def stack_for_rtk(case, path):
    """The projections as RTK keeps them, one stack with the rows from bottom to top; returns its geometry file."""
    geometry = path.with_suffix(".xml")
    detector = write_rtk(geometry, case.views)
    stack = sitk.GetImageFromArray(np.stack([xray.image[::-1] for xray in case.xrays]))
    stack.SetOrigin([*detector.origin, 0])
    stack.SetSpacing([*detector.spacing, 1])
    sitk.WriteImage(stack, str(path))
    return geometry


def test_three_routes_lead_to_one_scene(scene, tmp_path):
    case, folder = scene
    save_case(case, tmp_path / "case")
    write_matrices(tmp_path / "m.csv", case.views)
    geometry = stack_for_rtk(case, tmp_path / "stack.mha")
    assert_same(load_case(tmp_path / "case"), case)
    assert_same(load_calibrated(folder, tmp_path / "m.csv", values="line_integral", grid=GRID), case)
    assert_same(load_calibrated(tmp_path / "stack.mha", geometry, values="line_integral", grid=GRID), case)


@pytest.mark.parametrize("suffix", ["csv", "json", "npy"])
def test_matrices_beside_the_images_in_natural_order(scene, suffix):
    case, folder = scene
    file = folder / f"matrices.{suffix}"
    if suffix == "npy":
        np.save(file, np.array([-2 * v.projection_matrix for v in case.views]))
    else:
        write_matrices(file, case.views if suffix == "csv" else case.views[::-1])
    loaded = load_calibrated(folder, file, values="line_integral", grid=GRID, options=SIX_MM, file_names=True)
    assert_same(loaded, case)
    assert [view.id for view in loaded.views] == [f"shot{n + 1}" for n in range(COUNT)]
    assert loaded.views[0].pixel_spacing == (6.0, 6.0)
    assert set(loaded.hashes) == {f"file-{n + 1:03d}" for n in range(COUNT + 1)}


def test_single_images_of_rtk_need_their_detector(scene, tmp_path):
    case, folder = scene
    detector = write_rtk(tmp_path / "g.xml", case.views)
    with pytest.raises(FormatError, match="detector=Detector"):
        load_calibrated(folder, tmp_path / "g.xml", values="line_integral", grid=GRID)
    turned = Detector(detector.spacing, (detector.origin[0], -detector.origin[1]), (1, -1))
    downwards, upwards = CalibrationOptions(detector=turned), CalibrationOptions(detector=detector)
    assert_same(
        load_calibrated(
            folder,
            tmp_path / "g.xml",
            values="line_integral",
            grid=GRID,
            options=downwards,
        ),
        case,
    )
    flipped = replace(case, xrays=tuple(replace(x, image=x.image[::-1]) for x in case.xrays))
    loaded = load_calibrated(folder, tmp_path / "g.xml", values="line_integral", grid=GRID, options=upwards)
    assert_same(loaded, flipped)


@pytest.mark.parametrize("axis", [0, 1])
def test_mirrored_matrices_are_refused(scene, tmp_path, axis):
    case, folder = scene
    flip = np.eye(3)
    flip[axis, axis], flip[axis, 2] = -1, case.views[0].size[axis] - 1
    np.save(tmp_path / "m.npy", np.array([flip @ v.projection_matrix for v in case.views]))
    with pytest.raises(GeometryError, match="reflection"):
        load_calibrated(folder, tmp_path / "m.npy", values="line_integral", grid=GRID)


def test_a_mirrored_rtk_matrix_is_refused(scene, tmp_path):
    case, _ = scene
    geometry = stack_for_rtk(case, tmp_path / "stack.mha")
    text = geometry.read_text()
    body = text[text.index("<Matrix>") + 8 : text.index("</Matrix>")]
    first = body.strip().splitlines()[0]
    mirrored = " ".join(repr(-float(word)) for word in first.split())
    geometry.write_text(text.replace(first, mirrored))
    with pytest.raises(GeometryError, match="mirrored"):
        load_calibrated(tmp_path / "stack.mha", geometry, values="line_integral", grid=GRID)


def test_numbers_must_agree(scene, tmp_path):
    case, folder = scene
    write_matrices(tmp_path / "m.csv", case.views[:9])
    with pytest.raises(FormatError, match=r"m\.csv: 9 poses for 11 images"):
        load_calibrated(folder, tmp_path / "m.csv", values="line_integral")
    write_rtk(tmp_path / "g.xml", case.views[:9])
    with pytest.raises(FormatError, match=r"g\.xml: 9 poses for 11 images"):
        load_calibrated(folder, tmp_path / "g.xml", values="line_integral", options=SIX_MM)


def test_numbers_that_disagree_count_the_files_that_were_passed_over(scene, tmp_path):
    case, folder = scene
    (folder / "shot99").write_bytes(bytes(4096))
    write_matrices(tmp_path / "m.csv", [*case.views, case.views[0]])
    with pytest.raises(FormatError, match=r"12 poses for 11 images.*1 other file is not used: 1 without a suffix"):
        load_calibrated(folder, tmp_path / "m.csv", values="line_integral")


@pytest.mark.parametrize("missing", ["images", "calibration"])
def test_a_missing_file_is_named(scene, tmp_path, missing):
    case, folder = scene
    write_matrices(tmp_path / "m.csv", case.views)
    paths = {"images": folder, "calibration": tmp_path / "m.csv"} | {missing: tmp_path / "gone.csv"}
    with pytest.raises(FormatError, match=r"gone\.csv: cannot be opened"):
        load_calibrated(paths["images"], paths["calibration"], values="line_integral")


def test_named_poses_must_have_their_images(scene, tmp_path):
    case, folder = scene
    poses = {v.id: v.projection_matrix.tolist() for v in case.views}
    poses["shot99"] = poses.pop("shot4")
    (tmp_path / "m.json").write_text(json.dumps(poses))
    with pytest.raises(FormatError, match="without a pose: shot4; poses without an image: shot99"):
        load_calibrated(folder, tmp_path / "m.json", values="line_integral")


def test_other_files_in_the_folder_of_the_images_are_counted(scene, tmp_path):
    case, folder = scene
    (folder / "README.txt").write_text("taken on Monday")
    write_matrices(tmp_path / "m.csv", case.views)
    loaded = load_calibrated(folder, tmp_path / "m.csv", values="line_integral", grid=GRID)
    assert any("1 other file is not used: 1 '.txt'" in warning for warning in loaded.warnings)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(FormatError, match="no image files"):
        load_calibrated(folder, tmp_path / "m.csv", values="line_integral")


def test_a_real_c_arm_sweep_makes_a_case(data, tmp_path):
    views = read_calibration(data / "geom_carm_248" / "camera_matrices_248x12.txt").views
    matrices = [view.matrix for view in views[::40]]
    generator = np.random.default_rng(0)
    folder = tmp_path / "x"
    folder.mkdir()
    for n, P in enumerate(matrices):
        assert View.from_projection_matrix(P, (616, 480)).project((0, 0, 0))[1] > 0
        image = generator.integers(1000, 30000, (480, 616)).astype(np.uint16)
        tifffile.imwrite(folder / f"{n}.tif", image)
    np.save(tmp_path / "m.npy", matrices)
    case = load_calibrated(folder, tmp_path / "m.npy", values="intensity", i0=30000.0)
    assert case.warnings == ()
    assert 80 < case.grid.size.min() < 250
