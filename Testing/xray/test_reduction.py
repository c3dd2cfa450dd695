import numpy as np
import pytest

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.xray import XRay
from IXGSLib.xray.reduction import reduced


def xray(width=23, height=17):
    view = CArm(detector_pixels=(width, height)).view(20, 10, (0, 0, 0), "a")
    generator = np.random.default_rng(0)
    return XRay(view, generator.random((height, width)), generator.random((height, width)) > 0.3)


def test_a_world_point_stays_on_its_feature():
    original = xray()
    columns, rows = np.meshgrid(np.arange(23.0), np.arange(17.0))
    ramp = XRay(original.view, 3 * columns - 2 * rows, np.ones((17, 23), bool))
    small = reduced(ramp, 4)
    u, v = small.view.project((5.0, 3.0, -6.0))[0]
    expected = original.view.project((5.0, 3.0, -6.0))[0] @ (3, -2)
    corner = int(np.floor(v)), int(np.floor(u))
    value = small.image[corner] + (u - corner[1]) * 12 - (v - corner[0]) * 8
    assert value == pytest.approx(expected, abs=1e-3)


def test_only_measured_pixels_are_averaged():
    original = xray()
    small = reduced(original, 2)
    block = np.s_[4:6, 8:10]
    measured = original.image[block][original.mask[block]]
    assert small.mask[2, 4] == (len(measured) >= 2)
    assert small.image[2, 4] == pytest.approx(measured.mean())
    assert small.view.size == (11, 8)


def test_no_reduction_is_the_same_x_ray_and_too_much_leaves_a_pixel():
    original = xray()
    assert reduced(original, 1) is original
    assert reduced(original, 0) is original
    assert min(reduced(original, 100).view.size) == 1
