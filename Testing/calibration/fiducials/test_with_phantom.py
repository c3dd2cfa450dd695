"""Calibrations by a phantom: precise poses, and each thing that can go wrong is refused by name or cured."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.calibration.fiducials import FiducialSettings, Phantom, calibrate_with_phantom, load_phantom
from IXGSLib.calibration.fiducials.calibrated_case import calibrated_case
from IXGSLib.calibration.fiducials.grid_shots import GridShot, undistorted
from IXGSLib.calibration.fiducials.reading import ShotImages
from IXGSLib.calibration.fiducials.shots import Shot
from IXGSLib.errors import GeometryError, SettingsError
from IXGSLib.formats import load_case, save_case
from IXGSLib.simulation.solids import Capsule, ball
from IXGSLib.xray import XRay
from IXGSLib.xray.distortion import Distortion
from Testing.calibration.fiducials import scene as draw

MAX_ERROR_PX = 0.6
"""Largest error of a projection around the phantom, for balls whose centres are found to about 0.1 px."""


@pytest.fixture(scope="module")
def plate():
    return draw.scene(load_phantom("plate"), 4)


@pytest.fixture(scope="module")
def calibrated(plate):
    return calibrate_with_phantom(plate.shots, plate.phantom)


def images_of(scene):
    """The X-rays of a scene as they are read from files."""
    xrays = tuple(XRay(view, shot.image, shot.mask) for view, shot in zip(scene.views, scene.shots, strict=True))
    return ShotImages("drawn", xrays, (None,) * len(xrays), (), {}, {})


def assert_poses(calibration, scene, tolerance=MAX_ERROR_PX):
    for finding, view in zip(calibration.findings, scene.views, strict=True):
        assert finding.calibrated, finding.reason
        assert draw.pose_error(finding.view, view, draw.around(scene.phantom)) < tolerance


def test_poses_and_residuals(plate, calibrated):
    assert_poses(calibrated, plate)
    assert calibrated.rms < 0.25
    assert not calibrated.warnings
    assert "16 fiducials of plate" in calibrated.scale
    for finding, view in zip(calibrated.findings, plate.views, strict=True):
        places = view.project(plate.phantom.positions)[0]
        for one in finding.fiducials:
            assert one.used == (one.found is not None)
            number = plate.phantom.labels.index(one.label)
            assert np.linalg.norm(np.subtract(one.expected, places[number])) < MAX_ERROR_PX


def test_nothing_but_the_pixels_is_needed(plate):
    unknown = [replace(shot, source_detector=None, detector_pixel=None) for shot in plate.shots]
    found = calibrate_with_phantom(unknown, plate.phantom)
    assert_poses(found, plate)
    assert found.intrinsics.focal == pytest.approx(draw.intrinsics()[0, 0], rel=0.03)


def test_the_same_shots_in_another_order_and_with_exchanged_rows_give_the_same_poses(plate, calibrated):
    order = [2, 0, 3, 1]
    rows = np.random.default_rng(0).permutation(16)
    phantom = Phantom(plate.phantom.positions[rows], diameters=plate.phantom.diameters[rows], name="exchanged")
    found = calibrate_with_phantom([plate.shots[n] for n in order], phantom)
    for n, finding in zip(order, found.findings, strict=True):
        assert finding.id == calibrated.findings[n].id
        error = draw.pose_error(finding.view, calibrated.findings[n].view, draw.around(plate.phantom))
        assert error < 0.05


def test_a_case_with_masked_fiducials_and_its_record(plate, calibrated, tmp_path):
    case = calibrated_case(images_of(plate), calibrated)
    for xray, finding, shot in zip(case.xrays, calibrated.findings, plate.shots, strict=True):
        for one in finding.fiducials:
            x, y = np.rint(one.found or one.expected).astype(int)
            assert not xray.mask[y, x]
            assert xray.image[y, x] == shot.image[y, x]
        assert xray.mask.mean() > 0.95
    save_case(case, tmp_path / "case")
    again = load_case(tmp_path / "case")
    assert set(again.provenance.values()) == {"fiducials"}
    assert again.calibration.method == "fiducials"
    assert again.calibration.scale == calibrated.scale
    assert not again.calibration.undistorted
    for finding in calibrated.findings:
        assert again.calibration.view(finding.id)["rms_px"] == pytest.approx(finding.rms, abs=1e-4)


def test_a_view_without_the_phantom_is_left_out_by_name(plate):
    empty = replace(plate.shots[1], id="empty", image=draw.anatomy(draw.SIZE, 9).astype(np.float32))
    few = draw.shot(plate.views[2], draw.balls(plate.phantom)[:5], 2)
    found = calibrate_with_phantom([plate.shots[0], empty, replace(few, id="few"), plate.shots[3]], plate.phantom)
    assert [finding.calibrated for finding in found.findings] == [True, False, False, True]
    images = ShotImages(
        "drawn",
        tuple(XRay(plate.views[n], s.image, s.mask) for n, s in enumerate(plate.shots)),
        (None,) * 4,
        (),
        {},
        {},
    )
    case = calibrated_case(images, found)
    assert [view.id for view in case.views] == ["00", "03"]
    assert any("'empty'" in message and "left out" in message for message in case.warnings)
    assert any("'few'" in message for message in case.warnings)


def test_too_few_views_are_refused_with_the_reason_for_each(plate):
    good, *others = plate.shots[:3]
    blank = [replace(shot, image=draw.anatomy(draw.SIZE, n).astype(np.float32)) for n, shot in enumerate(others, 1)]
    found = calibrate_with_phantom([good, *blank], plate.phantom)
    with pytest.raises(GeometryError, match=r"1 of 3 X-rays can be calibrated, expected at least 2") as error:
        calibrated_case(images_of(replace(plate, views=plate.views[:3], shots=plate.shots[:3])), found)
    assert all(f"'0{n}'" in str(error.value) for n in (1, 2))


def test_mirrored_x_rays_are_refused_with_the_cure(plate):
    with pytest.raises(GeometryError, match=r"stored mirrored.*give --mirrored"):
        calibrate_with_phantom([draw.mirrored(plate.shots[0])], plate.phantom)


def test_negatives_are_inverted_with_a_warning(plate):
    negatives = [replace(shot, image=-shot.image) for shot in plate.shots[:2]]
    found = calibrate_with_phantom(negatives, plate.phantom)
    assert_poses(found, replace(plate, views=plate.views[:2]))
    assert any("stored as negatives" in message for message in found.warnings)


def test_exchanged_axes_of_the_phantom_are_refused(plate):
    swapped = Phantom(plate.phantom.positions[:, [1, 0, 2]], diameters=plate.phantom.diameters, name="swapped.csv")
    with pytest.raises(GeometryError, match=r"swapped.csv: its mirror image.*two axes of the phantom's positions"):
        calibrate_with_phantom(plate.shots[:1], swapped)


def test_mirrored_x_rays_of_a_flat_phantom_cause_a_warning():
    phantom = load_phantom("plate")
    flat = Phantom(phantom.positions * (1, 1, 0), diameters=phantom.diameters, name="flat")
    scene = draw.scene(flat, 5, tilt=45)
    found = calibrate_with_phantom(scene.shots, flat)
    assert_poses(found, scene, 1.5)
    assert any("its own mirror image" in message for message in found.warnings)


@pytest.mark.parametrize(("unit", "factor"), [("cm", 10.0), ("in", 25.4)])
def test_a_wrong_unit_is_refused_with_the_right_one(plate, unit, factor):
    wide = draw.scene(Phantom(2 * plate.phantom.positions, name="units.csv"), 2, depth=800)
    small = Phantom(wide.phantom.positions / factor, name="units.csv")
    with pytest.raises(GeometryError, match=rf"units.csv: its size in the X-rays puts it .* --unit {unit}"):
        calibrate_with_phantom(wide.shots, small)


def test_balls_that_are_not_as_large_as_stated_cause_a_warning(plate):
    phantom = replace(plate.phantom, diameters=None)
    found = calibrate_with_phantom(plate.shots[:2], phantom, FiducialSettings(diameter_mm=6.0))
    assert any("times as large as stated" in message for message in found.warnings)


def test_one_displaced_ball_is_an_outlier_and_moves_no_pose(plate):
    solids = draw.balls(plate.phantom)
    for shift in (0.8, 4.0):
        solids[5] = ball(plate.phantom.positions[5] + (shift, 0, 0), 1.5)
        shots = tuple(draw.shot(view, solids, n) for n, view in enumerate(plate.views))
        found = calibrate_with_phantom(shots, plate.phantom)
        assert_poses(found, plate)
        assert any(message.startswith("fiducials 6 of 16 are in no X-ray") for message in found.warnings)
        assert not any(one.used for finding in found.findings for one in finding.fiducials if one.label == "6")


def test_a_stray_ball_in_one_view_is_not_used(plate):
    places = plate.views[1].backproject(plate.views[1].project(plate.phantom.positions[2])[0] + (7.0, 0), 500.0)
    solids = [*draw.balls(plate.phantom), ball(places, 1.2)]
    shots = (plate.shots[0], draw.shot(plate.views[1], solids, 1), *plate.shots[2:])
    assert_poses(calibrate_with_phantom(shots, plate.phantom), plate)


def test_metal_clutter_causes_no_wrong_label():
    phantom = load_phantom("plate")
    rng = np.random.default_rng(6)
    strangers = [ball(place, rng.uniform(1.2, 1.9)) for place in rng.uniform(-90, 90, (14, 3)) + (0, 0, 20)]
    wires = [
        Capsule(np.array([-120.0, rng.uniform(-60, 60), 0]), np.array([120.0, rng.uniform(-60, 60), 30]), 0.8)
        for _ in range(3)
    ]
    screw = [Capsule(np.array([-20.0, 10, -60]), np.array([25.0, 0, -60]), 3.0)]
    scene = draw.scene(phantom, 4, seed=2, more=[*strangers, *wires, *screw])
    found = calibrate_with_phantom(scene.shots, phantom)
    calibrated = [n for n, finding in enumerate(found.findings) if finding.calibrated]
    assert len(calibrated) >= 3
    for n in calibrated:
        view = found.findings[n].view
        assert draw.pose_error(view, scene.views[n], draw.around(phantom)) < 2 * MAX_ERROR_PX


def pincushion(size, amount):
    """Undistorted px to those where they are taken, with the twist of an image intensifier."""

    def taken(pixels):
        half = size / 2
        x = (np.asarray(pixels) - (size - 1) / 2) / half
        square = (x**2).sum(axis=-1)
        turn = amount * square
        turned = np.stack(
            [
                x[..., 0] * np.cos(turn) - x[..., 1] * np.sin(turn),
                x[..., 0] * np.sin(turn) + x[..., 1] * np.cos(turn),
            ],
            axis=-1,
        )
        return turned * (1 + amount * square)[..., None] * half + (size - 1) / 2

    return taken


def lattice(size, step):
    places = np.arange(0.0, size, step)
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)


def test_distorted_x_rays_show_a_pattern_of_residuals_and_are_cured_by_their_grid():
    scene = draw.scene(load_phantom("plate"), 6, tilt=30)
    taken = pincushion(draw.SIZE, 0.025)
    size = (draw.SIZE, draw.SIZE)
    places = lattice(draw.SIZE, 10)
    # What turns an ideal image into the distorted one is itself a distortion the other way round.
    away = Distortion.fitted(taken(places), places, size, 5, 1e3)
    shots = [replace(shot, image=away.undistort(shot.image, shot.mask)[0]) for shot in scene.shots]
    found = calibrate_with_phantom(shots, scene.phantom, FiducialSettings(max_rms_px=3))
    assert any("residuals follow a pattern" in message and "--grid" in message for message in found.warnings)
    back = GridShot("grid", Distortion.fitted(places, taken(places), size, 5, 1e3), len(places), 0.0, 9.0, "")
    cured = []
    for shot, view in zip(shots, scene.views, strict=True):
        flat = undistorted(XRay(view, shot.image, shot.mask), back)
        cured.append(replace(shot, image=flat.image, mask=flat.mask))
    again = calibrate_with_phantom(cured, scene.phantom)
    assert not any("pattern" in message for message in again.warnings)
    assert again.rms < 0.7 * found.rms
    assert_poses(again, scene)


def test_x_rays_of_different_sizes_and_distances_are_refused(plate):
    small = draw.shot(draw.hand_held(1, plate.phantom, size=300)[0], draw.balls(plate.phantom), 0)
    with pytest.raises(GeometryError, match="the X-rays have different sizes"):
        calibrate_with_phantom([plate.shots[0], small], plate.phantom)
    longer = replace(plate.shots[1], source_detector=1200.0)
    with pytest.raises(GeometryError, match="focal lengths from 1333 to 1600 px"):
        calibrate_with_phantom([plate.shots[0], longer], plate.phantom)


def test_a_focal_length_unlike_the_stated_one_causes_a_warning(plate):
    wrong = [replace(shot, source_detector=1100.0) for shot in plate.shots[:2]]
    found = calibrate_with_phantom(wrong, plate.phantom, FiducialSettings(focal_tolerance=0.1))
    assert any("the calibrated focal length is" in message for message in found.warnings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_rms_px": 0},
        {"min_fiducials": 5},
        {"focal_tolerance": 2},
        {"source_detector_mm": 1000},
        {"diameter_mm": -1},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        FiducialSettings(**wrong)


def test_progress_counts_the_views(plate):
    seen = []
    calibrate_with_phantom(plate.shots[:2], plate.phantom, on_progress=lambda *counts: seen.append(counts))
    assert seen == [(1, 2), (2, 2)]


def test_no_shots_are_refused(plate):
    with pytest.raises(GeometryError, match="no X-rays to calibrate"):
        calibrate_with_phantom([], plate.phantom)


def test_a_masked_shot_is_calibrated_by_what_it_shows(plate):
    y, x = np.mgrid[: draw.SIZE, : draw.SIZE]
    mask = np.hypot(x - 200, y - 200) < 165
    shots = [Shot(s.id, np.where(mask, s.image, 0), mask, s.source_detector, s.detector_pixel) for s in plate.shots]
    assert_poses(calibrate_with_phantom(shots, plate.phantom), plate, 2 * MAX_ERROR_PX)
