"""Bad calibrations as a user hands them to `ixgs check`; each test is named after its row on the page of trust."""

import json

import numpy as np
import pytest

from IXGSLib.formats import load_case
from Testing.reliability.test_xrays import check

__all__ = ["check"]


def pose(change):
    """A change of the pose (4, 4) of the third view, or of every view, for `edit`."""

    def apply(data, views=slice(2, 3)):
        for view in data["views"][views]:
            view["world_from_camera"] = np.asarray(change(np.array(view["world_from_camera"]))).tolist()

    return apply


def every(change):
    return lambda data: pose(change)(data, slice(None))


@pytest.fixture
def calibrated(case, ixgs, tmp_path):
    """calibrated(matrices or path): `ixgs check` of the images of the case with these 3x4 matrices."""

    def run(matrices, *flags):
        path = matrices
        if not isinstance(matrices, type(tmp_path)):
            path = tmp_path / "m.npy"
            np.save(path, np.asarray(matrices))
        words = ("check", case / "images" / "00?.tiff", "--calibration", path, "--values", "line_integral")
        return ixgs(*words, "--out", tmp_path / "c.png", "--force", *flags)

    return run


def matrices(case):
    return np.array([view.projection_matrix for view in load_case(case).views])


def test_16_a_view_without_a_pose(check, edit):
    edit(lambda data: data["views"][3].pop("world_from_camera"))
    check(refused=("no pose for view 003", "calibrate"))


def test_16_a_missing_calibration(calibrated, tmp_path):
    code, _, err = calibrated(tmp_path / "gone.csv")
    assert code == 2
    assert "gone.csv: cannot be opened" in err


def test_17_views_twice_or_without_an_image(check, edit, calibrated, case):
    edit(lambda data: data["views"][1].update(id="000"))
    check(refused=("more than one view is named 000",))
    code, _, err = calibrated(matrices_of_seven(case))
    assert code == 2
    assert "7 poses for 6 images" in err


def matrices_of_seven(case):
    data = json.loads((case / "case.json").read_text())
    data["views"][1]["id"] = "001"
    (case / "case.json").write_text(json.dumps(data))
    found = matrices(case)
    return np.concatenate([found, found[:1]])


def test_18_metres(check, edit):
    def metres(data):
        for view in data["views"]:
            for row in view["world_from_camera"][:3]:
                row[3] /= 1000
        volume = data["volume"]
        volume |= {"center": [x / 1000 for x in volume["center"]], "size": [x / 1000 for x in volume["size"]]}
        volume["spacing"] /= 1000

    edit(metres)
    check(refused=("metres", "1000"))


def test_19_radians(case, ixgs, tmp_path):
    """RTK states degrees; a whole turn in radians looks like seven degrees."""
    words = "".join(
        f"<Projection><GantryAngle>{angle}</GantryAngle><SourceToIsocenterDistance>600</SourceToIsocenterDistance>"
        f"<SourceToDetectorDistance>1000</SourceToDetectorDistance></Projection>"
        for angle in np.linspace(0.1, 3, 6)
    )
    text = f'<?xml version="1.0"?><RTKThreeDCircularGeometry version="3">{words}</RTKThreeDCircularGeometry>'
    (tmp_path / "g.xml").write_text(text)
    flags = ("--calibration", tmp_path / "g.xml", "--values", "line_integral", "--pixel-spacing", 6, 6)
    code, _, err = ixgs("check", case / "images" / "00?.tiff", *flags, "--out", tmp_path / "c.png")
    assert "radian" in err, (code, err)


def test_20_poses_the_other_way_round(check, edit):
    edit(every(np.linalg.inv))
    check(refused="view")


def test_21_mirrored_poses(check, edit, calibrated, case):
    edit(pose(lambda T: T @ np.diag([-1, 1, 1, 1])))
    check(refused=("view '002'", "reflection", "flip"))


def test_21_mirrored_matrices(calibrated, case):
    flip = np.array([[-1, 0, 47], [0, 1, 0], [0, 0, 1.0]])
    code, _, err = calibrated(flip @ matrices(case))
    assert code == 2
    assert "reflection" in err


def test_22_rotations_that_are_not_quite(check, edit):
    def sheared(by):
        return pose(lambda T: T + by * np.outer([1, 0, 0, 0], [0, 1, 0, 0]))

    edit(sheared(1e-4))
    check(warned="rotation")
    edit(sheared(0.05))
    check(refused=("view '002'", "rotation"))


@pytest.mark.parametrize("row", [[0, 0, 0, 1.0], [0, 0, 0, 0.0]])
def test_23_parallel_and_singular_matrices(calibrated, case, row):
    found = matrices(case)
    found[2, 2] = row
    code, _, err = calibrated(found)
    assert code == 2
    assert err.startswith("ixgs: error: ")


def test_24_matrices_of_any_scale_and_sign(calibrated, case):
    found = matrices(case)
    code, plain, err = calibrated(found)
    assert code == 0, err
    scales = np.random.default_rng(0).uniform(0.1, 9, (6, 1, 1)) * np.array([1, -1] * 3)[:, None, None]
    assert calibrated(found * scales)[1] == plain


def test_25_identity_and_half_turns(check, edit, case):
    """Everything moved so that the first view is the identity, then turned by exactly 180 degrees."""
    before = check().splitlines()[2:]
    first = np.array(json.loads((case / "case.json").read_text())["views"][0]["world_from_camera"])
    for move in (np.linalg.inv(first), np.diag([-1.0, -1.0, 1.0, 1.0])):

        def moved(data, move=move):
            every(lambda T: move @ T)(data)
            volume = data["volume"]
            direction = np.array(volume.get("direction", np.eye(3)))
            volume["center"] = (move @ [*volume["center"], 1])[:3].tolist()
            volume["direction"] = (move[:3, :3] @ direction).tolist()

        edit(moved)
        after = check().splitlines()[2:]
        assert [line.split()[3:6] for line in after[:6]] == [line.split()[3:6] for line in before[:6]]


def test_27_views_from_nearly_one_side(check, edit, case, fake, ixgs, tmp_path):
    def near(data):
        base = np.array(data["views"][0]["world_from_camera"])
        center = np.array(data["volume"]["center"])
        for n, view in enumerate(data["views"]):
            angle = np.deg2rad(n)
            turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
            T = np.eye(4)
            T[:3, :3], T[:3, 3] = turn, center - turn @ center
            view["world_from_camera"] = (T @ base).tolist()

    edit(near)
    check(warned="differ by at most 5.0 degrees")
    edit(lambda data: data.update(views=data["views"][:1]))
    check(refused="1 view")


def test_28_views_that_see_nothing_of_the_region(check, edit):
    edit(pose(lambda T: T + np.outer(T[:, 0] * 2000, [0, 0, 0, 1])))
    check(warned="view '002'")
    edit(lambda data: data["volume"].update(center=[-8.5, 62.5, 1400.0]))
    check(refused=("no view sees the region",))


def test_29_a_source_inside_the_region(check, edit):
    def inside(data):
        center = [*data["volume"]["center"], 1]
        pose(lambda T: np.column_stack([T[:, :3], center]))(data)

    edit(inside)
    check(refused="view")
