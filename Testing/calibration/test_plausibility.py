"""Geometry that no X-ray system has: units, frames, image sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.calibration import implausibilities
from IXGSLib.errors import FormatError, IXGSWarning
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.readout import at_image_size, far_principal_point, odd_size, size_mismatch
from IXGSLib.geometry.trajectory import CArm
from Testing.calibration.phantom import CENTER, views

REGION = Grid.centered(CENTER, (100, 100, 100), 2.0)


def scaled(view: View, factor: float) -> View:
    pose = view.world_from_camera.copy()
    pose[:3, 3] *= factor
    return replace(view, world_from_camera=pose)


def with_spacing(some: list[View], spacing) -> list[View]:
    return [replace(view, pixel_spacing=spacing) for view in some]


@pytest.mark.parametrize("distances", [(400, 800), (620, 1000), (750, 1200), (1000, 1800)])
def test_c_arms_are_plausible(distances):
    arm = {"source_isocentre": distances[0], "source_detector": distances[1]}
    assert implausibilities(views(**arm), REGION) == ()
    assert implausibilities(with_spacing(views(**arm), None), REGION) == ()


@pytest.mark.parametrize(("factor", "symbol"), [(0.1, "cm"), (1 / 25.4, "in"), (0.001, "m")])
@pytest.mark.parametrize("known", [True, False])
def test_other_units_are_named_with_the_cure(factor, symbol, known):
    some = [scaled(view, factor) for view in (views() if known else with_spacing(views(), None))]
    (text,) = implausibilities(some, Grid.centered(CENTER * factor, np.full(3, 100 * factor), 2 * factor))
    assert f"--unit {symbol}" in text
    assert f"multiply all lengths by {1 / factor:g}" in text


def test_poses_in_mm_with_another_unit_of_the_pixels_are_named():
    some = with_spacing(views(), (0.325, 0.325))  # in cm: 10 times too small
    assert any("magnification" in text and "pixel spacing" in text for text in implausibilities(some, REGION))


def test_a_focal_length_in_mm_is_named():
    some = [replace(v, K=np.diag([20.0, 20.0, 1.0]) + [[0, 0, 39.5], [0, 0, 39.5], [0, 0, 0]]) for v in views()]
    assert any("K is in pixels" in text for text in implausibilities(with_spacing(some, None), REGION))


@pytest.mark.parametrize("size", [(20, 20), (40, 40), (60, 60), (120, 120), (160, 160), (240, 240), (320, 320)])
def test_the_size_that_was_calibrated_is_named(size):
    some = [replace(view.resized(size), size=view.size) for view in views()]
    assert f"{size[0]} x {size[1]} pixels, not of 80 x 80" in str(size_mismatch(some))
    assert any(f'"size": [{size[0]}, {size[1]}]' in text for text in implausibilities(some, REGION))


def test_a_principal_point_off_the_centre_is_no_other_size():
    assert size_mismatch([view.cropped(15, -8, view.size) for view in views()]) is None


def with_K(view: View, change) -> View:
    K = view.K.copy()
    change(K)
    return replace(view, K=K)


def test_matrices_that_were_rounded_or_reordered_are_named():
    def skew(K):
        K[0, 1] = 0.2 * K[0, 0]

    def tall(K):
        K[1, 1] *= 0.25

    assert any("skew of 20 %" in text for text in implausibilities([with_K(v, skew) for v in views()], REGION))
    assert any("nearly rectangular" in text for text in implausibilities([with_K(v, tall) for v in views()], REGION))


def test_a_focal_length_unlike_the_others_is_named():
    def longer(K):
        K[[0, 1], [0, 1]] *= 2.5

    some = [with_K(view, longer) if n == 3 else view for n, view in enumerate(views())]
    assert any("focal length" in text and "'003'" in text for text in implausibilities(some, REGION))


def test_a_view_of_another_size_is_named():
    some = [replace(view, size=(40, 40)) if n == 5 else view for n, view in enumerate(views())]
    assert "view '005' has 40 x 40 pixels, the others 80 x 80" in str(odd_size(some))
    assert any("view '005' has 40 x 40" in text for text in implausibilities(some, REGION))
    assert odd_size([view.resized((40, 40)) if n == 5 else view for n, view in enumerate(views())]) is None


def test_width_and_height_that_are_exchanged_are_named():
    wide = views(detector_pixels=(100, 80))
    assert "width and height are exchanged" in str(size_mismatch([replace(view, size=(80, 100)) for view in wide]))
    assert size_mismatch(wide) is None


def test_a_principal_point_in_the_corner_explains_that_no_region_is_seen():
    def corner(K):
        K[:2, 2] = 0

    assert "principal point" in str(far_principal_point([with_K(view, corner) for view in views()]))
    assert far_principal_point(views()) is None


def test_a_principal_point_far_outside_is_named():
    some = [view.cropped(0, 190, view.size) for view in views()]
    assert any("far outside" in text for text in implausibilities(some, REGION))


def test_poses_in_ras_are_recognised_by_the_region():
    turned = [view.moved(np.diag([-1.0, -1.0, 1.0, 1.0])) for view in views(detector_size=200.0)]
    far = Grid.centered(CENTER + (0, 40, 0), (60, 60, 60), 2.0)
    moved = [view.moved(np.array([[1, 0, 0, 0], [0, 1, 0, -40], [0, 0, 1, 0], [0, 0, 0, 1.0]])) for view in turned]
    (text,) = implausibilities(moved, far)
    assert "in RAS" in text
    (text,) = implausibilities(views(), Grid.centered(CENTER + (0, 200, 90), (60, 60, 60), 2.0))
    assert "share one frame" in text


def test_inverted_poses_around_the_origin_are_named():
    origin = [view.moved(np.block([[np.eye(3), -CENTER[:, None]], [np.zeros((1, 3)), 1]])) for view in views()]
    inverted = [replace(view, world_from_camera=view.camera_from_world) for view in origin]
    texts = implausibilities(inverted, Grid.centered((0, 0, 0), (60, 60, 60), 2.0))
    assert any("camera_from_world" in text for text in texts)


# Another readout size


def test_a_calibration_at_another_size_is_scaled_with_a_warning():
    view = CArm(detector_pixels=(60, 40)).view(30, 10, CENTER, "a")
    with pytest.warns(IXGSWarning, match=r"view 'a'.*30 x 20 pixels, the calibration 60 x 40; K was multiplied by 0.5"):
        small = at_image_size(view, (30, 20))
    np.testing.assert_allclose(small.K, view.resized((30, 20)).K)
    assert small.size == (30, 20)
    assert at_image_size(view, (60, 40)) is view


@pytest.mark.parametrize("size", [(30, 30), (59, 40), (50, 40), (40, 60), (45, 25)])
def test_a_size_that_no_single_factor_explains_is_refused(size):
    view = CArm(detector_pixels=(60, 40)).view(30, 10, CENTER, "a")
    with pytest.raises(FormatError, match="no single factor"):
        at_image_size(view, size)


@pytest.mark.parametrize("size", [(67, 44), (67, 45), (150, 101)])
def test_sides_that_were_rounded_to_pixels_have_one_factor(size):
    view = CArm(detector_pixels=(100, 67)).view(30, 10, CENTER, "a")
    with pytest.warns(IXGSWarning, match="cropped or padded"):
        np.testing.assert_allclose(at_image_size(view, size).K, view.resized(size).K)
