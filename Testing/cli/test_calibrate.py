"""`ixgs calibrate`: from files to a case with its picture, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from IXGSLib.calibration.fiducials import load_phantom
from IXGSLib.formats import load_case
from IXGSLib.geometry.rigid import rigid
from IXGSLib.xray import png
from Testing.calibration.fiducials import scene as draw

I0 = 50_000
LENGTHS = ("--source-detector-mm", "1000", "--detector-pixel-mm", "0.75", "--i0", str(I0))


def write(folder, scene, mirrored=False):
    folder.mkdir()
    for shot in scene.shots:
        image = shot.image[:, ::-1] if mirrored else shot.image
        pixels = np.rint(I0 * np.exp(-image)).clip(1, 65535).astype(np.uint16)
        (folder / f"shot{shot.id}.png").write_bytes(png.encode(np.ascontiguousarray(pixels)))
    rows = [",".join(map(str, [*place, 3])) for place in scene.phantom.positions.tolist()]
    (folder / "plate.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def scene():
    return draw.scene(load_phantom("plate"), 3)


@pytest.fixture(scope="module")
def shots(scene, tmp_path_factory):
    return write(tmp_path_factory.mktemp("calibrate") / "shots", scene)


def test_a_folder_of_shots_becomes_a_case_with_a_picture(ixgs, shots, scene, tmp_path):
    out = tmp_path / "case"
    code, printed, said = ixgs("calibrate", shots, "--phantom", shots / "plate.csv", *LENGTHS, "--out", out)
    assert code == 0, said
    assert "3 of 3 views" in printed
    assert "Scale: from the positions of the 16 fiducials of plate.csv" in printed
    assert "Research use only" in printed
    assert "plate.csv" not in said.replace("fiducials of plate.csv", "")
    case = load_case(out)
    assert [view.id for view in case.views] == ["shot00", "shot01", "shot02"]
    for xray, shot in zip(case.xrays, scene.shots, strict=True):
        assert xray.values == "intensity"
        np.testing.assert_allclose(xray.image[xray.mask], shot.image[xray.mask], atol=0.01)
    for view, true in zip(case.views, scene.views, strict=True):
        assert draw.pose_error(view, true, draw.around(scene.phantom)) < 1
    record = json.loads((out / "case.json").read_text())["calibration"]
    assert record["method"] == "fiducials"
    assert record["views"]["shot01"]["fiducials"][0]["label"] == "1"
    picture = np.asarray(Image.open(out / "fiducials.png").convert("RGB")).astype(int)
    green = (picture[..., 1] > picture[..., 0] + 60) & (picture[..., 1] > picture[..., 2] + 30)
    assert green.sum() > 200


def test_a_credit_that_is_a_link_out_of_the_folder_is_not_copied(ixgs, scene, tmp_path):
    shots = write(tmp_path / "shots", scene)
    (tmp_path / "secret.txt").write_text("a file of somebody else")
    (shots / "CREDIT.txt").symlink_to(tmp_path / "secret.txt")
    out = tmp_path / "case"
    code, _, said = ixgs("calibrate", shots, "--phantom", shots / "plate.csv", *LENGTHS, "--out", out)
    assert code == 0, said
    assert "not used" in said
    assert not (out / "CREDIT.txt").exists()


def check_places(case):
    """Fiducials that the record names as found are where the images of the case are masked."""
    for xray in case.xrays:
        found = [one.found for one in case.calibration.view_record(xray.view.id).fiducials if one.found is not None]
        labels, count = ndimage.label(~xray.mask)
        centers = np.array(ndimage.center_of_mass(~xray.mask, labels, range(1, count + 1)))[:, ::-1]
        assert len(found) >= 6
        for place in found:
            assert np.linalg.norm(centers - place, axis=1).min() < 0.7


def test_mirrored_shots_are_refused_until_the_option_says_so(ixgs, scene, tmp_path):
    shots = write(tmp_path / "shots", scene, mirrored=True)
    words = ("calibrate", shots, "--phantom", "plate", *LENGTHS, "--out", tmp_path / "case")
    code, _, said = ixgs(*words, "--leave-out", "shot02")
    assert code == 2
    assert "give --mirrored" in said
    code, _, said = ixgs(*words, "--mirrored")
    assert code == 0, said
    # Upside down and mirrored is a turn by 180 degrees: the same poses but for the turn of the image.
    turn = rigid(np.diag([-1.0, -1, 1]), np.zeros(3))
    case = load_case(tmp_path / "case")
    check_places(case)
    for view, true in zip(case.views, scene.views, strict=True):
        np.testing.assert_allclose(view.source, true.source, atol=12)
        turned = true.world_from_camera @ turn
        assert np.trace(view.world_from_camera[:3, :3].T @ turned[:3, :3]) > 2.99


def test_shots_that_do_not_show_the_phantom_are_refused_with_a_picture(ixgs, shots, tmp_path):
    code, _, said = ixgs("calibrate", shots, "--phantom", "lines", *LENGTHS, "--out", tmp_path / "case")
    assert code == 2
    assert "0 of 3 X-rays can be calibrated, expected at least 2" in said
    assert (tmp_path / "case-refused.png").is_file()
    assert not (tmp_path / "case").exists()


def bent(image):
    """The image as an intensifier with a pincushion distortion and a twist takes it."""
    half = draw.SIZE / 2
    y, x = (np.mgrid[: draw.SIZE, : draw.SIZE] - (draw.SIZE - 1) / 2) / half
    square = x * x + y * y
    scale, turn = 1 - 0.025 * square, -0.01 * square
    columns, rows = scale * (x * np.cos(turn) - y * np.sin(turn)), scale * (x * np.sin(turn) + y * np.cos(turn))
    places = np.stack([rows, columns]) * half + (draw.SIZE - 1) / 2
    return ndimage.map_coordinates(image, places, order=3, mode="nearest")


def test_a_distortion_that_all_shots_share_is_taken_from_the_phantom(ixgs, tmp_path):
    scene = draw.scene(load_phantom("plate"), 6, seed=4, tilt=30)
    distorted = replace(scene, shots=tuple(replace(shot, image=bent(shot.image)) for shot in scene.shots))
    shots = write(tmp_path / "shots", distorted)
    code, _, said = ixgs("calibrate", shots, "--phantom", "plate", *LENGTHS, "--out", tmp_path / "case")
    assert code == 0, said
    assert "the X-rays are distorted by up to" in said
    assert "residuals follow a pattern" not in said
    case = load_case(tmp_path / "case")
    assert case.calibration.undistorted
    assert case.calibration.record["distortion"]["from"] == "the phantom"
    assert case.calibration.record["rms_px"] < 0.2
    for view, true in zip(case.views, scene.views, strict=True):
        assert draw.pose_error(view, true, draw.around(scene.phantom)) < 2


def test_two_sources_of_poses_and_existing_folders_are_refused(ixgs, shots, tmp_path):
    both = ("--calibration", shots / "plate.csv", "--values", "intensity")
    code, _, said = ixgs("calibrate", shots, "--phantom", "plate", *both, "--out", tmp_path / "case")
    assert code == 2
    assert "--calibration and --phantom both give poses" in said
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    code, _, said = ixgs("calibrate", shots, "--phantom", "plate", "--out", tmp_path / "full")
    assert code == 2
    assert "exists already" in said


def test_a_case_is_not_calibrated_again(ixgs, shots, tmp_path):
    ixgs("calibrate", shots, "--phantom", "plate", *LENGTHS, "--out", tmp_path / "case")
    code, _, said = ixgs("calibrate", tmp_path / "case", "--phantom", "plate", "--out", tmp_path / "again")
    assert code == 2
    assert "a case, expected a folder of X-rays without poses" in said


def test_without_a_phantom_approximate_poses_are_needed(ixgs, shots, tmp_path):
    code, _, said = ixgs("calibrate", shots, "--out", tmp_path / "case")
    assert code == 2
    assert "--calibration" in said
