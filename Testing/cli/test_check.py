import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from IXGSLib.cli.check import summary, table
from IXGSLib.cli.check_picture import _evenly, detector_corners, picture
from IXGSLib.formats import load_case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc
from IXGSLib.xray import read_pixels
from Testing.calibration.tagged_shots import shots
from Testing.formats.tagged import I0, write_tagged
from Testing.xray.test_dicom import dicom


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def test_a_row_for_each_view_and_a_picture(case, ixgs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = ixgs("check", case)
    assert (code, err) == (0, "")
    for view in load_case(case).views:
        assert any(line.split()[:1] == [view.id] for line in out.splitlines())
    assert "620 mm" in out
    assert "6 views" in out
    assert (tmp_path / "bone-check.png").read_bytes().startswith(b"\x89PNG")


def test_no_picture_is_written_over(case, ixgs, tmp_path):
    file = tmp_path / "scene.png"
    file.write_text("mine")
    code, _, err = ixgs("check", case, "--out", file)
    assert code == 2
    assert "exists already" in err
    assert file.read_text() == "mine"
    assert ixgs("check", case, "--out", file, "--force")[0] == 0
    assert file.read_bytes().startswith(b"\x89PNG")


def test_the_picture_is_a_png(case, ixgs, tmp_path):
    code, _, err = ixgs("check", case, "--out", tmp_path / "scene.jpg")
    assert code == 2
    assert "ends in .png" in err


def test_warnings_are_counted_at_their_view(case, edit, ixgs, tmp_path):
    edit(lambda data: data["views"][2].update(colour="blue"))
    code, out, err = ixgs("check", case, "--out", tmp_path / "scene.png")
    assert code == 0
    assert "view '002': unknown keys colour" in err
    rows = {line.split()[0]: line.split()[-1] for line in out.splitlines() if line.strip().startswith("00")}
    assert rows["002"] == "1"
    assert rows["001"].endswith("%")


def test_what_all_views_see(case):
    whole = load_case(case)
    lines = " ".join(summary(whole))
    assert "6 views" in lines
    assert "32 x 32 x 32 mm" in lines
    tiny = replace(whole, grid=Grid.centered(whole.grid.center, (4, 4, 4), 1.0))
    assert "100 % of it is seen by all views" in " ".join(summary(tiny))


def test_a_number_that_rounds_to_zero_has_no_sign(case):
    found = load_case(case)
    near = replace(found.grid, origin=found.grid.origin - found.grid.center - 0.01)
    image = np.full_like(found.xrays[0].image, -0.001)
    still = replace(found, grid=near, xrays=(replace(found.xrays[0], image=image, mask=image < 0), *found.xrays[1:]))
    assert "around [0.0, 0.0, 0.0] (LPS mm)" in " ".join(summary(still))
    assert next(iter(table(still).columns[5].cells)).plain == "0.00 to 0.00"


def test_detectors_are_drawn_where_they_are(case):
    whole = load_case(case)
    view = whole.views[0]
    corners = detector_corners(view, whole.grid)
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(80)
    assert (corners.mean(axis=0) - view.source) @ view.axis == pytest.approx(1000)
    pixels, _ = view.project(corners)
    assert pixels == pytest.approx(np.array([(-0.5, -0.5), (47.5, -0.5), (47.5, 47.5), (-0.5, 47.5)]), abs=1e-6)


def test_many_views_still_make_a_picture(case):
    whole = load_case(case)
    many = replace(
        whole,
        xrays=tuple(
            replace(x, view=replace(x.view, id=f"{n}-{x.view.id} $a_b")) for n in range(15) for x in whole.xrays
        ),
    )
    assert len(_evenly(many.xrays, 40)) == 40
    assert len({x.view.id for x in _evenly(many.xrays, 40)}) == 40
    assert picture(many).startswith(b"\x89PNG")


def test_a_view_without_pixel_spacing_is_drawn_too(case, edit, ixgs, tmp_path):
    edit(lambda data: [view.pop("pixel_spacing") for view in data["views"]])
    assert "pixel_spacing" not in json.loads((case / "case.json").read_text())["views"][0]
    assert ixgs("check", case, "--out", tmp_path / "scene.png")[0] == 0


def test_dicom_x_rays_alone_are_checked_with_the_poses_of_their_tags(tmp_path, ixgs):
    arm = CArm(620.0, 1000.0, (48, 40), 240.0)
    generator = np.random.default_rng(0)
    (tmp_path / "XA").mkdir()
    for n, (primary, secondary) in enumerate(arc(6, 150, 20)):
        tags = {"PositionerPrimaryAngle": f"{primary:.3f}", "PositionerSecondaryAngle": f"{secondary:.3f}"}
        tags |= {"DistanceSourceToDetector": "1000", "DistanceSourceToPatient": "620", "ImagerPixelSpacing": ["5", "5"]}
        image = generator.integers(500, 3500, arm.detector_pixels[::-1]).astype(np.uint16)
        dicom(tmp_path / "XA" / f"IM{n}", image, InstanceNumber=n + 1, **tags)
    code, out, err = ixgs("check", tmp_path / "XA", "--i0", 3500, "--out", tmp_path / "o.png")
    assert code == 0, err
    assert "approximate" in err
    assert "-75°" in out
    code, _, err = ixgs("check", tmp_path / "XA", "--pixel-spacing", 5, 5, "--out", tmp_path / "p.png")
    assert code == 2
    assert "--pixel-spacing" in err


def test_an_image_given_as_a_case_is_refused_with_a_pointer_to_calibration(tmp_path, ixgs):
    tifffile.imwrite(tmp_path / "run.tif", np.ones((3, 40, 48), np.uint16), photometric="minisblack")
    code, _, err = ixgs("check", tmp_path / "run.tif")
    assert code == 2
    assert "an image (TIFF)" in err
    assert "--calibration" in err


def test_images_that_contradict_their_poses_are_reported_with_the_remedy(case, edit, ixgs, tmp_path):
    edit(lambda data: [view.pop("sha256") for view in data["views"]])
    for file in (case / "images").iterdir():
        tifffile.imwrite(file, np.ascontiguousarray(tifffile.imread(file)[::-1]))
    code, out, err = ixgs("check", case, "--out", tmp_path / "scene.png")
    assert code == 0
    assert "turned upside down" in err
    assert "They contradict each other" in out


def test_the_agreement_of_images_and_poses_is_a_line(case, ixgs, tmp_path):
    assert "Agreement of X-rays and poses: disagreement 0." in ixgs("check", case, "--out", tmp_path / "scene.png")[1]


def test_conventions_that_the_x_rays_choose_are_printed(ixgs, tmp_path):
    folder = write_tagged(tmp_path / "XA", shots(8, moving=False), ("half-turn",))
    words = ("check", folder, "--i0", I0, "--out", tmp_path / "scene.png", "--tag-conventions")
    code, out, _ = ixgs(*words, "auto")
    assert code == 0
    assert "Tag conventions: half-turn, chosen by epipolar consistency: disagreement 0." in out
    assert "next " in out
    code, _, err = ixgs(*words, "auto", "half-turn")
    assert code == 2
    assert "auto beside other names" in err


def test_conventions_that_the_x_rays_do_not_decide_are_a_warning(ixgs, tmp_path):
    folder = write_tagged(tmp_path / "XA", shots(8, moving=False), ("seen-from-detector",))
    code, out, err = ixgs("check", folder, "--i0", I0, "--out", tmp_path / "s.png", "--tag-conventions", "auto")
    assert code == 0
    assert (
        "warning: tag conventions are not decided: the X-rays fit primary-reversed or seen-from-detector alike" in err
    )
    assert "Tag conventions" not in out
    assert "before you change the images" not in err  # the advice of a check without auto


def test_notices_are_no_warnings(intensities, ixgs, tmp_path):
    """Masked pixels are said, and are not called a warning, neither in the text nor in the table."""
    pixels = read_pixels(intensities / "images" / "0.dcm").values.astype(np.uint16)
    pixels[:4] = 0
    dicom(intensities / "images" / "0.dcm", pixels, bits=16)
    code, out, err = ixgs("check", intensities, "--out", tmp_path / "check.png")
    assert code == 0, err
    assert "ixgs: view '000': " in err
    assert "% of the pixels are starved (no intensity) and are masked" in err
    assert "warning" not in err
    (row,) = (line.split() for line in out.splitlines() if line.split()[:1] == ["000"])
    assert row[-1] == "%"  # of masked pixels; the number of warnings would stand behind it
