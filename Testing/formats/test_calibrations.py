import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from IXGSLib.errors import FormatError, GeometryError, IXGSWarning, SettingsError
from IXGSLib.files import sha256
from IXGSLib.formats import load_calibrated
from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.formats.calibrations.detector import Detector
from IXGSLib.formats.calibrations.mayacam import write_mayacam
from IXGSLib.formats.calibrations.nerfstudio import write_transforms
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from Testing.formats import foreign

ARM = CArm(detector_pixels=(40, 40), detector_size=240)
VIEWS = [replace(v, id=f"shot{n + 1}") for n, v in enumerate(trajectory(ARM, arc(11, 150, 20), (0, 0, 0)))]
POINTS = np.random.default_rng(0).uniform(-40, 40, (40, 3))
GRID = Grid.centered((0, 0, 0), (40, 40, 40), 2.0)
OPTIONS = CalibrationOptions(detector=Detector((6.0, 6.0)))

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*left-handed, as in ASTRA:IXGSLib.errors.IXGSWarning"),
    pytest.mark.filterwarnings("ignore:Gimbal lock:UserWarning"),
]


def read(path, **options):
    """The views of a calibration by their names, or in their order where they have none."""
    found = read_calibration(path, replace(OPTIONS, **options))
    names = [(view.name or "").rpartition("_")[2].partition(".")[0] for view in found.views]
    return [found.views[names.index(v.id)] for v in VIEWS] if VIEWS[0].id in names else list(found.views)


def error(calibrated, views=VIEWS):
    """The largest distance in pixels between where two sets of cameras see the points."""
    assert len(calibrated) == len(views)
    return max(
        np.abs(found.view(view.size, view.id).project(POINTS)[0] - view.project(POINTS)[0]).max()
        for found, view in zip(calibrated, views, strict=True)
    )


@pytest.mark.parametrize("write", foreign.WRITERS, ids=lambda write: write.__name__)
def test_one_scene_has_the_same_pixels_in_every_format(write, tmp_path):
    format, upside_down = foreign.WRITERS[write]
    calibrated = read(write(tmp_path, VIEWS), format=format or None)
    assert error(calibrated) < 1e-6
    assert {view.upside_down for view in calibrated} == {upside_down}


@pytest.mark.parametrize("write", foreign.WRITERS, ids=lambda write: write.__name__)
def test_images_and_calibration_make_a_case(write, tmp_path):
    format, upside_down = foreign.WRITERS[write]
    calibration, images = tmp_path / "calibration", tmp_path / "images"
    calibration.mkdir()
    images.mkdir()
    stored = {}
    for n, view in enumerate(VIEWS):
        stored[view.id] = np.random.default_rng(n).uniform(0.1, 4, (40, 40)).astype(np.float32)
        tifffile.imwrite(images / f"{view.id}.tiff", stored[view.id])
    options = replace(OPTIONS, format=format or None)
    path = write(calibration, VIEWS)
    case = load_calibrated(images, path, values="line_integral", grid=GRID, options=options, file_names=True)
    assert sorted(view.id for view in case.views) == sorted(stored)
    for xray in case.xrays:
        view = next(v for v in VIEWS if v.id == xray.view.id)
        image = stored[view.id][::-1] if upside_down else stored[view.id]
        assert np.array_equal(xray.image, image)
        assert np.abs(xray.view.project(POINTS)[0] - view.project(POINTS)[0]).max() < 1e-6


@pytest.mark.parametrize("unit", ["cm", "m", "in"])
@pytest.mark.parametrize("write", [foreign.text_rows, foreign.astra, foreign.tigre, foreign.mayacam])
def test_other_units_are_brought_to_mm(write, unit, tmp_path):
    mm = {"cm": 10.0, "m": 1000.0, "in": 25.4}[unit]
    small = []
    for view in VIEWS:
        pose = view.world_from_camera.copy()
        pose[:3, 3] /= mm
        small.append(replace(view, world_from_camera=pose, pixel_spacing=(6 / mm, 6 / mm)))
    calibrated = read(write(tmp_path, small), unit=unit, detector=None)
    assert error(calibrated) < 1e-6
    spacing = calibrated[0].pixel_spacing
    assert spacing is None or spacing == pytest.approx((6, 6))


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


def test_images_are_matched_by_the_file_names_of_windows_paths(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for n, view in enumerate(VIEWS):
        pixels = np.random.default_rng(n).uniform(0.1, 4, (40, 40)).astype(np.float32)
        tifffile.imwrite(images / f"{view.id}.tif", pixels)
    lines = [",".join([f"C:\\data\\{v.id}.tif", *map(repr, v.projection_matrix.ravel().tolist())]) for v in VIEWS]
    (tmp_path / "p.csv").write_text("\n".join(lines[::-1]))
    case = load_calibrated(images, tmp_path / "p.csv", values="line_integral", grid=GRID)
    for xray in case.xrays:
        view = next(v for v in VIEWS if v.id == xray.view.id)
        assert np.abs(xray.view.project(POINTS)[0] - view.project(POINTS)[0]).max() < 1e-6


def test_an_unknown_unit_is_refused():
    with pytest.raises(SettingsError, match="unit 'inch', expected one of mm, cm, m"):
        CalibrationOptions(unit="inch")


def reflected(view):
    """A view whose rotation is a reflection, which View itself would refuse."""

    class Mirrored:
        id, K, size, pixel_spacing, source, axis = (
            *(view.id, view.K, view.size, view.pixel_spacing, view.source, view.axis),
        )
        world_from_camera = view.world_from_camera @ np.diag([-1.0, 1, 1, 1])
        camera_from_world = np.diag([-1.0, 1, 1, 1]) @ view.camera_from_world

    return Mirrored()


@pytest.mark.parametrize(
    "write",
    [
        *(foreign.npz_cameras, foreign.json_cameras, foreign.matlab_cameras, foreign.opencv_xml),
        *(foreign.mayacam, foreign.nerfstudio, foreign.itk, foreign.slicer),
    ],
    ids=lambda write: write.__name__,
)
def test_a_reflected_pose_is_refused_by_name(write, tmp_path):
    views = [*VIEWS[:4], reflected(VIEWS[4]), *VIEWS[5:]]
    with pytest.raises(GeometryError, match=r"reflection .* undo the flip"):
        read(write(tmp_path, views), format=foreign.WRITERS[write][0] or None)


@pytest.mark.parametrize("write", [foreign.text_rows, foreign.by_columns, foreign.conrad, foreign.matlab_matrices])
def test_mirrored_matrices_are_refused_by_name(write, tmp_path):
    flip = np.eye(3)
    flip[0, 0], flip[0, 2] = -1, 39

    class Mirrored:
        def __init__(self, view):
            self.id, self.projection_matrix = view.id, flip @ view.projection_matrix

    (tmp_path / "x").mkdir()
    for n, view in enumerate(VIEWS):
        image = np.random.default_rng(n).uniform(1, 2, (40, 40)).astype(np.float32)
        tifffile.imwrite(tmp_path / "x" / f"{view.id}.tiff", image)
    path = write(tmp_path, [Mirrored(view) for view in VIEWS])
    with pytest.raises(GeometryError, match="reflection"):
        load_calibrated(tmp_path / "x", path, values="line_integral", grid=GRID)


def test_a_cone_vector_mirrored_against_the_others_is_refused_by_name(tmp_path):
    vectors = foreign.cone_vectors(VIEWS, upwards=False)
    vectors[6, 6:9] *= -1
    np.save(tmp_path / "v.npy", vectors)
    with pytest.raises(GeometryError, match=r"v\.npy: row 7 is mirrored"):
        read(tmp_path / "v.npy")


def test_a_mirrored_tigre_detector_is_refused_by_name(tmp_path):
    fields = foreign.tigre_fields(VIEWS, -1)
    fields["dDetector"][1] *= -1
    (tmp_path / "t.json").write_text(json.dumps({**fields, "angles": [0.0, 0.5]}))
    with pytest.raises(GeometryError, match="mirrored"):
        read(tmp_path / "t.json")[0].view((40, 40), "a")


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


def test_a_detector_size_that_the_images_do_not_have_is_refused(tmp_path):
    view = read(foreign.tigre(tmp_path, VIEWS))[0]
    with pytest.raises(FormatError, match="the image is 40 x 30 pixels, the calibration 40 x 40"):
        view.view((40, 30), "a")


def test_transforms_alone_do_not_say_whose_axes_they_have(tmp_path):
    with pytest.raises(FormatError, match=r"--calibration-format itk .* or --calibration-format slicer"):
        read(foreign.slicer(tmp_path, VIEWS))


def test_a_pose_without_intrinsics_names_the_file_that_it_needs(tmp_path):
    foreign.itk(tmp_path, VIEWS)
    (tmp_path / "intrinsics.json").unlink()
    with pytest.raises(FormatError, match=r"expected intrinsics\.json in the same folder"):
        read(tmp_path, format="itk")


def test_twelve_numbers_that_are_no_camera_are_not_guessed(tmp_path):
    np.savetxt(tmp_path / "n.csv", np.random.default_rng(0).normal(size=(9, 12)), delimiter=",")
    with pytest.raises(FormatError, match=r"neither .* --calibration-format matrices"):
        read(tmp_path / "n.csv")


def test_a_stated_format_is_not_second_guessed(tmp_path):
    path = foreign.by_columns(tmp_path, VIEWS)
    assert error(read(path, format="matrices-by-columns")) < 1e-6
    assert error(read(foreign.astra(tmp_path, VIEWS), format="astra")) < 1e-6
    with pytest.raises(SettingsError, match="--calibration-format nonsense: no such format, expected one of matrices,"):
        read(path, format="nonsense")


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


def linked(file, key, other):
    import h5py

    del file[key]
    file[key] = h5py.ExternalLink(other, key)


def stored(file, key, other):
    shape, kind = file[key].shape, file[key].dtype
    del file[key]
    file.create_dataset(key, shape, kind, external=[(other, 0, 6400)])


def virtual(file, key, other):
    import h5py

    layout = h5py.VirtualLayout(file[key].shape, file[key].dtype)
    layout[...] = h5py.VirtualSource(other, key, layout.shape)
    del file[key]
    file.create_virtual_dataset(key, layout)


def emptied(file, key, other):
    del file[key]
    file.create_group(key)


@pytest.mark.parametrize("key", ["proj-params/intrinsic", "17-1882/projections/001/image/pixels"])
@pytest.mark.parametrize("change", [linked, stored, virtual, emptied])
def test_hdf5_reads_nothing_of_other_files(tmp_path, change, key):
    h5py = pytest.importorskip("h5py")
    path, other = tmp_path / "full.h5", tmp_path / "other.h5"
    deepfluoro(path), deepfluoro(other)
    with h5py.File(path, "a") as file:
        change(file, key, str(other))
    options = CalibrationOptions("deepfluoro:17-1882")
    expected = "does not follow its format" if change is emptied else "leads to other files"
    with pytest.raises(FormatError, match=f"full.h5: .*{expected}"):
        load_calibrated(path, path, values="line_integral", grid=GRID, options=options)


def test_hdf5_without_its_reader_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "full.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(FormatError, match="run: pip install h5py"):
        read_calibration(tmp_path / "full.h5")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pose.json", {"K": np.eye(3).tolist(), "pose": np.eye(4).tolist()}, "direction is unclear"),
        ("K.json", {"K": np.eye(3).tolist()}, "no pose beside K"),
        ("fish.json", {"frames": [{"transform_matrix": np.eye(4).tolist(), "camera_model": "FISHEYE"}]}, "FISHEYE"),
        ("focal.json", {"frames": [{"transform_matrix": np.eye(4).tolist()}]}, "no focal length"),
        ("mix.json", {"K": np.eye(3).tolist(), "R": [np.eye(3).tolist()] * 2, "t": [1, 2, 3]}, "2 rotations and 1"),
        ("scanner.json", {"scanner": {}, "proj_train": []}, "no list of projections"),
        ("tigre.json", {"DSD": 1, "DSO": 1, "nDetector": [1, 1]}, "no 'angles'"),
        ("parallel.json", {"type": "parallel3d_vec", "Vectors": [[0] * 12]}, "type parallel3d_vec"),
        ("maya.txt", "image size\n4,4\n\ncamera matrix\n1,0\n", "'camera matrix' holds 2 numbers, expected 9"),
        ("maya.txt", "image size\n4,4\n\nlens\n1\n", "line 4 is 'lens'"),
        (
            "projtable.txt",
            "projtable version 3\n\n2\n@ 1\n0 0\n1 2 3 4\n1 2 3 4\n1 2 3 4\n",
            "1 projections, expected 2",
        ),
        ("cut.yml", "%YAML:1.0\nK: !!opencv-matrix\n  rows: 3\n  data: [ 1, 2,", "a bracket does not close"),
        (
            "short.yml",
            "%YAML:1.0\nK: !!opencv-matrix\n  rows: 3\n  cols: 3\n  data: [ 1 ]",
            "incomplete OpenCV matrix",
        ),
        ("words.xml", "<html/>", "not a known calibration"),
        ("x.tfm", "#Insight Transform File V1.0\nnonsense", "not a transform that ITK can read"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_files_that_cannot_be_used_are_refused_by_name(tmp_path, name, content, message):
    (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path / name, format="itk" if name.endswith("tfm") else None)
    assert name in str(caught.value)


def test_matlabs_new_files_are_refused_with_the_cure(tmp_path):
    (tmp_path / "c.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    with pytest.raises(FormatError, match=r"c\.mat: a MATLAB 7\.3 file.*'-v7'"):
        read(tmp_path / "c.mat")


def test_matlabs_transposed_intrinsics_are_refused(tmp_path):
    data = {"K": VIEWS[0].K.T.tolist(), "R": np.eye(3).tolist(), "t": [0, 0, 600]}
    (tmp_path / "c.json").write_text(json.dumps(data))
    with pytest.raises(FormatError, match="subtract 1 from the principal point"):
        read(tmp_path / "c.json")


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


def test_a_pattern_chooses_images_and_calibration(tmp_path):
    foreign.mayacam(tmp_path, VIEWS)
    for n, view in enumerate(VIEWS):
        image = np.random.default_rng(n).uniform(1, 2, (40, 40)).astype(np.float32)
        tifffile.imwrite(tmp_path / f"{view.id}.0001.tif", image)
        tifffile.imwrite(tmp_path / f"{view.id}.0002.tif", image + 1)
    pattern = tmp_path / "calib_shot?.txt"
    case = load_calibrated(tmp_path / "shot?.0002.tif", pattern, values="line_integral", grid=GRID, file_names=True)
    assert [view.id for view in case.views] == [f"shot{n}.0002" for n in range(1, 10)]
    assert np.abs(case.views[8].project(POINTS)[0] - VIEWS[8].project(POINTS)[0]).max() < 1e-6


def test_a_matrix_per_file_is_matched_by_the_names_of_the_files(tmp_path):
    calibration, images = tmp_path / "calibration", tmp_path / "images"
    calibration.mkdir()
    images.mkdir()
    names = [chr(ord("z") - n) for n in range(len(VIEWS))]
    for n, (view, name) in enumerate(zip(VIEWS, names, strict=True)):
        np.savetxt(calibration / f"{name}.txt", view.projection_matrix)
        image = np.random.default_rng(n).uniform(1, 2, (40, 40)).astype(np.float32)
        tifffile.imwrite(images / f"{name}.tif", image)
    case = load_calibrated(images, calibration, values="line_integral", grid=GRID, file_names=True)
    for view in case.views:
        before = VIEWS[names.index(view.id)]
        assert np.abs(view.project(POINTS)[0] - before.project(POINTS)[0]).max() < 1e-6
