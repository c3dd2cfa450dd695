import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from IXGSLib.errors import FormatError, GeometryError, IXGSError, TruncatedFile
from IXGSLib.files import sha256
from IXGSLib.formats import Case, load_case, save_case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.xray import XRay

ARM = CArm(detector_pixels=(40, 30), detector_size=240)
CENTER = np.array([5.0, -20.0, 300.0])
MIRROR = np.diag([-1.0, 1, 1, 1])


def noise(n):
    return np.random.default_rng(n).uniform(0.1, 5, (30, 40)).astype(np.float32)


def views():
    return trajectory(ARM, arc(3, 120, 15), CENTER)


def a_case(masked=False):
    xrays = [XRay(view, noise(n), np.ones((30, 40), bool)) for n, view in enumerate(views())]
    if masked:
        mask = np.ones((30, 40), bool)
        mask[:5] = False
        xrays[1] = replace(xrays[1], image=np.where(mask, xrays[1].image, 0), mask=mask)
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    return Case(tuple(xrays), Grid.centered(CENTER, (60, 50, 40), 2.0, turn), "Würfel")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "Fall 1 – Wirbelsäule"
    save_case(a_case(), path)
    return path


def edit(folder, change, check=True):
    """Change the JSON of a case and load it."""
    file = folder / "case.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    change(data)
    file.write_text(json.dumps(data), encoding="utf-8")
    return load_case(folder, check)


def in_view(number, **values):
    """A change of one view; None takes the key away."""

    def change(data):
        for key, value in values.items():
            data["views"][number][key] = value
            if value is None:
                del data["views"][number][key]

    return change


def in_case(**values):
    def change(data):
        for key, value in values.items():
            data[key] = value
            if value is None:
                del data[key]

    return change


@pytest.mark.parametrize("masked", [False, True])
def test_a_case_comes_back_bit_by_bit(tmp_path, masked):
    case = a_case(masked)
    save_case(case, tmp_path / "a b")
    back = load_case(tmp_path / "a b")
    for before, after in zip(case.xrays, back.xrays, strict=True):
        assert np.array_equal(before.image, after.image)
        assert np.array_equal(before.mask, after.mask)
        assert np.array_equal(before.view.K, after.view.K)
        assert np.array_equal(before.view.world_from_camera, after.view.world_from_camera)
        assert (before.view.id, before.view.pixel_spacing) == (after.view.id, after.view.pixel_spacing)
    assert back.grid.shape == case.grid.shape
    assert np.abs(back.grid.world_from_index - case.grid.world_from_index).max() < 1e-10
    assert back.name == "Würfel"
    assert back.warnings == ()


def test_hashes_are_those_of_the_files(folder):
    hashes = load_case(folder).hashes
    images = {sha256(path.read_bytes()) for path in (folder / "images").iterdir()}
    assert hashes.pop("case.json") == sha256((folder / "case.json").read_bytes())
    assert list(hashes) == [f"file-{n + 1:03d}" for n in range(len(images))]
    assert set(hashes.values()) == images


def test_ids_that_are_no_file_names_are_kept_apart(tmp_path):
    ids = ["../../etc", "AP", "ap", "CON", "Säule links"]
    poses = trajectory(ARM, arc(5, 120, 15), CENTER)
    xrays = [
        XRay(replace(v, id=i), noise(n), np.ones((30, 40), bool))
        for n, (v, i) in enumerate(zip(poses, ids, strict=True))
    ]
    save_case(replace(a_case(), xrays=tuple(xrays)), tmp_path / "case")
    assert [p.name for p in tmp_path.iterdir()] == ["case"]
    assert len({p.name.lower() for p in (tmp_path / "case" / "images").iterdir()}) == 5
    assert [view.id for view in load_case(tmp_path / "case").views] == ids


def test_a_projection_matrix_of_any_scale_is_the_same_view(folder):
    expected = views()[1]
    for scale in (1, -3e-4):
        P = (scale * expected.projection_matrix).tolist()
        case = edit(folder, in_view(1, P=P, K=None, world_from_camera=None) if scale == 1 else in_view(1, P=P))
        points = CENTER + np.random.default_rng(0).normal(size=(20, 3)) * 30
        assert np.abs(case.views[1].project(points)[0] - expected.project(points)[0]).max() < 1e-8


def test_without_a_volume_the_common_region_is_taken(folder):
    grid = edit(folder, in_case(volume=None)).grid
    assert all(view.sees(grid.corners()).all() for view in views())


def test_intensity_frames_masks_and_i0_per_view(tmp_path):
    save_case(a_case(), tmp_path)
    truth = noise(7)
    counts = 30000 * np.exp(-np.stack([noise(8), truth]))
    tifffile.imwrite(tmp_path / "stack.tiff", counts.astype(np.float32), photometric="minisblack")
    mask = np.full((30, 40), 7, np.uint8)
    mask[:, :4] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for n in (0, 2):
        tifffile.imwrite(tmp_path / f"images/00{n}.tiff", 20000 * np.exp(-noise(n)), photometric="minisblack")

    def change(data):
        in_case(values="intensity", i0=20000)(data)
        in_view(1, image="stack.tiff", frame=1, mask="mask.png", i0=30000, sha256=None)(data)
        for n in (0, 2):
            in_view(n, sha256=None)(data)

    case = edit(tmp_path, change)
    assert case.warnings == ()
    assert np.array_equal(case.xrays[1].mask, mask > 0)
    assert np.abs(case.xrays[1].image - truth)[mask > 0].max() < 1e-5
    assert np.abs(case.xrays[0].image - noise(0)).max() < 1e-5
    assert case.xrays[0].values == "intensity"


def test_one_view_for_testing_needs_no_check(folder):
    data = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    data["views"] = data["views"][:1]
    (folder / "test.json").write_text(json.dumps(data))
    assert len(load_case(folder / "test.json", check=False).xrays) == 1
    with pytest.raises(GeometryError, match="1 view, expected at least two"):
        load_case(folder / "test.json")


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("part", ["K", "pose", "P"])
def test_mirrored_cameras_are_refused(folder, part, check):
    view = views()[1]
    pose, K = view.world_from_camera @ MIRROR, view.K * [[-1], [1], [1]]
    P = np.diag([-1.0, 1, 1]) @ view.projection_matrix + np.outer([39, 0, 0], view.projection_matrix[2])
    changes = {
        "K": in_view(1, K=K.tolist()),
        "pose": in_view(1, world_from_camera=pose.tolist()),
        "P": in_view(1, P=P.tolist(), K=None, world_from_camera=None),
    }
    with pytest.raises(GeometryError, match=r"view '001'.*(reflection|mirrored)"):
        edit(folder, changes[part], check)


def test_poses_the_wrong_way_round_are_refused(folder):
    def change(data):
        for view, entry in zip(views(), data["views"], strict=True):
            entry["world_from_camera"] = np.linalg.inv(view.world_from_camera).tolist()

    with pytest.raises(GeometryError, match=r"camera_from_world|no view sees the region"):
        edit(folder, change)


def test_metres_are_refused(folder):
    def change(data):
        data["volume"].update(center=(CENTER / 1000).tolist(), size=[0.06] * 3, spacing=0.002)
        for view in data["views"]:
            for row in view["world_from_camera"][:3]:
                row[3] /= 1000

    with pytest.raises(GeometryError, match="looks like metres"):
        edit(folder, change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_case(format="nerf"), "not an IXGS case"),
        (in_case(format=None), "not an IXGS case"),
        (in_case(version=None), '"version" is None'),
        (in_case(version=2), "version 2 is newer"),
        (in_case(version="1"), "\"version\" is '1'"),
        (in_case(unit="m"), "multiply positions, spacings and sizes by 1000"),
        (in_case(unit=None), '"unit" is None'),
        (in_case(frame="RAS"), r"diag\(-1, -1, 1, 1\)"),
        (in_case(frame=None), '"frame" is None'),
        (in_case(values="hounsfield"), "hounsfield"),
        (in_case(values=None), '"values" is None'),
        (in_case(views=[]), "not a list of views"),
        (in_case(volume={"center": [0, 0, 0]}), '"volume" is incomplete'),
        (in_case(volume={"center": [0, 0], "size": [1, 1, 1], "spacing": 1}), '"center" has shape'),
        (in_view(1, id="000"), "more than one view is named 000"),
        (in_view(1, id=None), "view 2 of 3"),
        (in_view(1, K=None), "no pose for view 001"),
        (in_view(2, K=None, world_from_camera=None), "no pose for view 002"),
        (in_view(1, P=np.eye(3, 4).tolist()), "expected one of them"),
        (in_view(1, K=[[1, 2], [3]]), "rows of different lengths"),
        (in_view(1, K=[["1,5", 0, 0], [0, 1, 0], [0, 0, 1]]), "decimal points"),
        (in_view(1, size=[41, 30]), "image is 40 x 30 pixels, the calibration 41 x 30"),
        (in_view(1, image="images/gone.tiff"), r"view '001', image: the file 'images/gone\.tiff' does not exist"),
        (in_view(1, image=None), '"image" is None'),
        (in_view(1, frame=3), "frame 3 of 1 does not exist"),
        (in_view(1, sha256="0" * 64), "the image has changed"),
        (in_view(1, image="images/000.tiff", sha256=None), "'000' and '001' hold the same image with different poses"),
        (in_view(1, mask="images/000.tiff", frame=0, i0="x", size=[1]), '"size" has shape'),
    ],
)
def test_slips_are_refused_by_name(folder, change, message):
    with pytest.raises(IXGSError, match=message):
        edit(folder, change)


def test_a_calibration_at_another_image_size_is_scaled_with_a_warning(folder):
    known = load_case(folder).views[1]
    double = known.resized((80, 60))
    case = edit(folder, in_view(1, size=[80, 60], K=double.K.tolist(), pixel_spacing=double.pixel_spacing))
    np.testing.assert_allclose(case.views[1].K, known.K)
    assert case.views[1].pixel_spacing == pytest.approx(known.pixel_spacing)
    (text,) = case.warnings
    assert "view '001'" in text
    assert "K was multiplied by 0.5" in text


@pytest.mark.parametrize("key", ["image", "mask"])
@pytest.mark.parametrize(
    "path", ["../secret.tiff", "images/../../secret.tiff", "C:\\secret.tiff", "\\\\host\\secret.tiff", "/"]
)
def test_paths_that_lead_out_of_the_case_are_refused(folder, key, path):
    (folder.parent / "secret.tiff").write_bytes((folder / "images/001.tiff").read_bytes())
    path = str(folder.parent / "secret.tiff") if path == "/" else path
    with pytest.raises(FormatError, match=f"view '001', {key}: .*lies outside"):
        edit(folder, in_view(1, **{key: path}))


def test_links_that_lead_out_of_the_case_are_refused(folder):
    image = folder / "images/001.tiff"
    image.rename(folder.parent / "outside.tiff")
    image.symlink_to(folder.parent / "outside.tiff")
    with pytest.raises(FormatError, match="lies outside"):
        load_case(folder)
    (folder.parent / "outside.tiff").rename(folder / "inside.tiff")
    image.unlink()
    image.symlink_to(folder / "inside.tiff")
    assert len(load_case(folder).xrays) == 3


def test_all_bad_images_are_listed_at_once(folder):
    for n in (0, 2):
        data = (folder / f"images/00{n}.tiff").read_bytes()
        (folder / f"images/00{n}.tiff").write_bytes(data[: len(data) // 2])

    with pytest.raises(FormatError, match="2 of 3 views cannot be used") as error:
        load_case(folder)
    assert "'000'" in str(error.value)
    assert "'002'" in str(error.value)
    with pytest.raises(TruncatedFile):
        edit(folder, lambda data: [data["views"].pop(2), data["views"][0].pop("sha256")])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"unit": "mm"', b'"unit": "mm", "unit": "m"', 'key "unit" appears twice'),
        (b'"spacing": 2.0', b'"spacing": NaN', r"line \d+ holds NaN"),
        (b'"spacing": 2.0', b'"spacing": 1e999', r"line \d+ holds 1e999"),
        (b'"spacing": 2.0', b'"spacing": 2,0', r"line \d+, column"),
        (b'"unit": "mm",', b'"unit": "mm",,', "line 5"),
        (b'"version": 1,', b'"version": 1', "line 4"),
        (b"W\xc3\xbcrfel", b"W\xfcrfel", "line 6 is not UTF-8"),
    ],
)
def test_json_that_is_not_strict_is_refused_with_line_or_key(folder, old, new, message):
    file = folder / "case.json"
    data = file.read_bytes()
    assert data.count(old) == 1
    file.write_bytes(data.replace(old, new))
    with pytest.raises(FormatError, match=rf"case\.json: {message}"):
        load_case(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"\xef\xbb\xbf" + data, "byte order mark"),
        (lambda data: data.decode().encode("utf-16"), "byte order mark"),
        (lambda data: data.rstrip()[:-1] + b",}", "a comma before the closing bracket"),
        (lambda data: data[: len(data) // 2], r"line \d+"),
        (lambda data: b"", "the file ends before its brackets close"),
        (lambda data: b"[" * 100000, "case"),
        (lambda data: b"[]", "not an IXGS case"),
    ],
)
def test_other_text_is_refused(folder, change, message):
    file = folder / "case.json"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(FormatError, match=message):
        load_case(folder)


def test_windows_line_ends_are_no_fault(folder):
    file = folder / "case.json"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert load_case(folder).warnings == ()


def test_warnings_are_stored_and_not_shown(folder):
    def change(data):
        in_case(colour="red", i0=5)(data)
        in_view(1, note="x", world_from_camera=data["views"][0]["world_from_camera"])(data)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        case = edit(folder, change)
    assert [part for part in ("colour", "note", "i0", "same pose") if not any(part in w for w in case.warnings)] == []
    assert len(set(case.warnings)) == len(case.warnings) == 4


def test_a_folder_without_a_case_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"case\.json: does not exist"):
        load_case(tmp_path)


def test_saving_into_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IXGSError, match="cannot be created"):
        save_case(a_case(), tmp_path / "file")


def test_voxels_that_are_not_cubes_are_refused_before_anything_is_written(tmp_path):
    grid = Grid((3, 3, 3), (1, 1, 2), CENTER, np.eye(3))
    with pytest.raises(FormatError, match="expected cubes"):
        save_case(replace(a_case(), grid=grid), tmp_path / "new")
    assert not (tmp_path / "new").exists()
