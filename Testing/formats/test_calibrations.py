"""One scene in every format of calibration, and its images."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from IXGSLib.errors import FormatError, SettingsError
from IXGSLib.formats import load_calibrated
from IXGSLib.formats.calibrations import CalibrationOptions
from Testing.formats import foreign
from Testing.formats.views import GRID, OPTIONS, POINTS, VIEWS, error, read

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*left-handed, as in ASTRA:IXGSLib.errors.IXGSWarning"),
    pytest.mark.filterwarnings("ignore:Gimbal lock:UserWarning"),
]


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


def test_a_detector_size_that_the_images_do_not_have_is_refused(tmp_path):
    view = read(foreign.tigre(tmp_path, VIEWS))[0]
    with pytest.raises(FormatError, match="the image is 40 x 30 pixels, the calibration 40 x 40"):
        view.view((40, 30), "a")


def test_a_stated_format_is_not_second_guessed(tmp_path):
    path = foreign.by_columns(tmp_path, VIEWS)
    assert error(read(path, format="matrices-by-columns")) < 1e-6
    assert error(read(foreign.astra(tmp_path, VIEWS), format="astra")) < 1e-6
    with pytest.raises(SettingsError, match="--calibration-format nonsense: no such format, expected one of matrices,"):
        read(path, format="nonsense")


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
