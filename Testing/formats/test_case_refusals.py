"""What is wrong in a case.json is refused by name."""

import numpy as np
import pytest

from IXGSLib.errors import FormatError, GeometryError, IXGSError, TruncatedFile
from IXGSLib.formats import load_case
from Testing.formats.cases import CENTER, edit, in_case, in_view, views

MIRROR = np.diag([-1.0, 1, 1, 1])


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


def test_a_folder_without_a_case_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"case\.json: does not exist"):
        load_case(tmp_path)
