import numpy as np
import pytest

from IXGSLib.formats import load_case

OUTPUTS = {
    "matrices": "matrices.csv",
    "rtk": "geometry.xml",
    "transforms": "transforms.json",
    "mayacam": "mayacam",
    "case": "other",
}


@pytest.mark.parametrize(("to", "name"), OUTPUTS.items())
def test_a_written_calibration_can_be_read_with_its_images(to, name, case, ixgs, tmp_path):
    code, printed, err = ixgs("convert", case, "--to", to, "--out", tmp_path / name)
    assert (code, err) == (0, "")
    assert f"{name}: 6 views" in printed
    if to == "case":
        back = load_case(tmp_path / name)
    else:
        flags = ("--pixel-spacing", *load_case(case).views[0].pixel_spacing) if to == "rtk" else ()
        words = ("--calibration", tmp_path / name, "--values", "line_integral", *flags)
        code, _, err = ixgs("convert", case / "images/00?.tiff", "--to", "case", "--out", tmp_path / "back", *words)
        assert code == 0, err
        back = load_case(tmp_path / "back")
    points = load_case(case).grid.corners()
    for view, before in zip(back.views, load_case(case).views, strict=True):
        assert np.abs(view.project(points)[0] - before.project(points)[0]).max() < 1e-6


def test_a_file_that_exists_is_kept(case, ixgs, tmp_path):
    (tmp_path / "m.csv").write_text("mine")
    code, _, err = ixgs("convert", case, "--to", "matrices", "--out", tmp_path / "m.csv")
    assert code == 2
    assert "m.csv: exists already" in err
    assert "--force" in err
    assert (tmp_path / "m.csv").read_text() == "mine"
    assert ixgs("convert", case, "--to", "matrices", "--out", tmp_path / "m.csv", "--force")[0] == 0


def test_a_name_that_does_not_fit_is_refused(case, ixgs, tmp_path):
    code, _, err = ixgs("convert", case, "--to", "matrices", "--out", tmp_path / "m.xlsx")
    assert code == 2
    assert "expected .csv or .json" in err


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [("--calibration-format", "zeiss", "no such format"), ("--unit", "cm", "--unit is for images with --calibration")],
)
def test_flags_of_a_calibration(flag, value, words, case, ixgs, tmp_path):
    images = (case / "images/00?.tiff", "--calibration", tmp_path / "m.csv", "--values", "line_integral")
    ixgs("convert", case, "--to", "matrices", "--out", tmp_path / "m.csv")
    source = (case,) if flag == "--unit" else images
    code, _, err = ixgs("convert", *source, "--to", "case", "--out", tmp_path / "x", flag, value)
    assert code == 2
    assert words in err
