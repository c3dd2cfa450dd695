"""Sets of views: what they see, where they meet, and which of them are refused or cause a warning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from IXGSLib.errors import GeometryError, IXGSWarning
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.coverage import (
    check_views,
    common_region,
    convergence,
    views_per_point,
    visible_fraction,
    widest_angle,
)
from IXGSLib.geometry.rigid import apply
from IXGSLib.geometry.trajectory import CArm, arc, random, trajectory
from Testing.geometry.strategies import motions, vectors

ISOCENTRE = np.array([12.0, -150.0, 900.0])
REGION = Grid.centered(ISOCENTRE, (100, 100, 100), 2.0)
PATHS = [arc(12), arc(20, 140, 25), random(10), [(0, 0), (90, 0)]]


def c_arm_views(path=PATHS[1], isocentre=ISOCENTRE) -> list[View]:
    return trajectory(CArm(), path, isocentre)


def swapped(view: View) -> View:
    return replace(view, world_from_camera=view.camera_from_world)


def in_metres(view: View) -> View:
    pose = view.world_from_camera.copy()
    pose[:3, 3] /= 1000
    return replace(view, world_from_camera=pose)


# What views see


def test_the_visible_part_of_a_box_is_counted():
    view = CArm().view(0, 0, ISOCENTRE)
    edge = view.backproject([-0.5, 127.5], 620.0)
    assert visible_fraction(view, REGION) == 1
    assert visible_fraction(view, Grid.centered(edge, (2, 2, 2), 1.0)) == 0.5
    assert visible_fraction(view, Grid.centered(ISOCENTRE + (500, 0, 0), (100, 100, 100), 1.0)) == 0


def test_views_are_counted_at_every_point():
    front, side = c_arm_views([(0, 0), (90, 0)])
    points = np.array([[ISOCENTRE, ISOCENTRE + (0, -330, 0)], [ISOCENTRE + (-330, 0, 0), ISOCENTRE + (0, 0, 500)]])
    np.testing.assert_array_equal(views_per_point([front, side], points), [[2, 1], [1, 0]])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([(0, 0), (180, 0)], 0),
        ([(0, 0), (30, 0)], 30),
        ([(0, 0), (90, 0)], 90),
        ([(0, 0), (150, 0)], 30),
        ([(0, 0), (20, 0), (40, 0)], 40),
        ([(0, 0)], 0),
    ],
)
def test_the_widest_angle_is_that_of_lines_without_sense(path, expected):
    assert widest_angle(c_arm_views(path), ISOCENTRE) == pytest.approx(expected, abs=1e-5)


@given(motions(), vectors(-100, 100))
def test_a_rigid_motion_of_everything_changes_neither_angle_nor_meeting_point(T, offset):
    views = c_arm_views()
    moved = [view.moved(T) for view in views]
    point = ISOCENTRE + offset
    assert widest_angle(moved, apply(T, point)) == pytest.approx(widest_angle(views, point), abs=1e-4)
    np.testing.assert_allclose(convergence(moved), apply(T, ISOCENTRE), atol=1e-6)


def test_principal_rays_that_miss_each_other_meet_halfway():
    front, side = c_arm_views([(0, 0), (90, 0)])
    apart = np.eye(4)
    apart[2, 3] = 8
    np.testing.assert_allclose(convergence([front, side.moved(apart)]), ISOCENTRE + (0, 0, 4), atol=1e-9)


# The region that all views see


@pytest.mark.parametrize("path", PATHS)
def test_the_common_region_is_the_largest_cube_that_all_views_see(path):
    views = c_arm_views(path)
    region = common_region(views)
    assert len(set(region.shape)) == 1
    np.testing.assert_allclose(region.center, ISOCENTRE, atol=1e-6)
    larger = Grid.centered(region.center, region.size + 2 * region.spacing, float(region.spacing[0]))
    assert (views_per_point(views, region.corners()) == len(views)).all()
    assert (views_per_point(views, larger.corners()) < len(views)).any()
    assert all(visible_fraction(view, region) == 1 for view in views)


@pytest.mark.parametrize("spacing", [0.7, 1.0, 7.0, 23.0])
def test_the_common_region_is_seen_at_any_voxel_size(spacing):
    views = c_arm_views()
    region = common_region(views, spacing)
    np.testing.assert_array_equal(region.spacing, spacing)
    assert (views_per_point(views, region.corners()) == len(views)).all()


def test_the_voxels_of_the_common_region_are_as_large_as_pixels_there():
    views = c_arm_views()
    first, second = (views[0].backproject([u, 127.5], 620.0) for u in (127.0, 128.0))
    np.testing.assert_allclose(common_region(views).spacing, np.linalg.norm(second - first), atol=0.005)


def test_the_common_region_moves_with_the_views():
    T = np.eye(4)
    T[:3, 3] = (100, -20, 55)
    views = c_arm_views()
    moved = common_region([view.moved(T) for view in views])
    np.testing.assert_allclose(moved.corners(), apply(T, common_region(views).corners()), atol=1e-6)


def test_views_without_a_common_region_are_refused():
    views = [view.cropped(200, 0, (56, 256)) for view in c_arm_views()]
    with pytest.raises(GeometryError, match=r'no region is seen by all views.*"volume"'):
        common_region(views)


# Sets that are refused


@pytest.mark.parametrize("path", PATHS)
def test_good_views_pass_without_warnings(path, recwarn):
    check_views(c_arm_views(path), REGION)
    assert not recwarn.list


def test_one_view_is_refused():
    with pytest.raises(GeometryError, match="1 view, expected at least two"):
        check_views(c_arm_views([(0, 0)]), REGION)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("isocentre", [ISOCENTRE, np.zeros(3)])
def test_poses_in_metres_are_refused(path, isocentre):
    views = [in_metres(view) for view in c_arm_views(path, isocentre)]
    with pytest.raises(GeometryError, match=r"looks like metres.*by 1000"):
        check_views(views, Grid.centered(isocentre, (100, 100, 100), 2.0))
    with pytest.raises(GeometryError, match=r"looks like metres.*by 1000"):
        common_region(views)


def test_a_region_in_metres_is_refused():
    with pytest.raises(GeometryError, match=r"region is 0.1 mm across, which looks like metres.*by 1000"):
        check_views(c_arm_views(), Grid.centered(ISOCENTRE / 1000, (0.1, 0.1, 0.1), 0.002))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("isocentre", [ISOCENTRE, np.zeros(3), np.array([0.0, 0.0, 300.0])])
@pytest.mark.parametrize("pixel_spacing", [None, (300 / 256, 300 / 256)])
def test_camera_from_world_given_as_world_from_camera_is_refused(path, isocentre, pixel_spacing):
    views = [replace(swapped(view), pixel_spacing=pixel_spacing) for view in c_arm_views(path, isocentre)]
    with pytest.raises(GeometryError, match=rf"by {len(views)} when their poses are inverted.*: invert them"):
        check_views(views, Grid.centered(isocentre, (100, 100, 100), 2.0))


@pytest.mark.parametrize("path", PATHS)
def test_camera_from_world_given_as_world_from_camera_is_refused_without_a_stated_region(path):
    with pytest.raises(GeometryError, match="world_from_camera"):
        common_region([swapped(view) for view in c_arm_views(path, np.zeros(3))])


@pytest.mark.parametrize("row", [0, 1])
def test_mirrored_projection_matrices_are_refused(row):
    flip = np.ones((3, 1))
    flip[row] = -1
    views = [View.from_projection_matrix(flip * v.projection_matrix, v.size, v.id) for v in c_arm_views()]
    for check in (lambda: check_views(views, REGION), lambda: common_region(views)):
        with pytest.raises(
            GeometryError, match=r"^views '000', .* and '019': the region lies behind the source .* reflection"
        ) as error:
            check()
        assert str(error.value).count("reflection") == 1


def test_a_source_inside_the_region_is_refused():
    views = c_arm_views()
    around = Grid.centered(ISOCENTRE, (1300, 1300, 1300), 10.0)
    with pytest.raises(GeometryError, match=r"^views '000', .* and '019': the X-ray source lies inside the region"):
        check_views(views, around)


def test_a_region_behind_the_detector_is_refused_where_its_distance_is_known():
    views = [replace(view, pixel_spacing=(0.7, 0.7)) for view in c_arm_views()]
    with pytest.raises(GeometryError, match=r"^views '000', .* and '019': the region lies behind the detector"):
        check_views(views, REGION)
    with pytest.raises(
        GeometryError, match=r"^view '000': the region lies behind the detector \(620 mm from the source"
    ):
        check_views([views[0], *(replace(view, pixel_spacing=None) for view in views[1:])], REGION)
    check_views([replace(view, pixel_spacing=None) for view in views], REGION)


def test_a_region_that_no_view_sees_is_refused():
    views = [view.cropped(1000, 0, (256, 256)) for view in c_arm_views()]
    with pytest.raises(GeometryError, match=r"no view sees the region around \[12.0, -150.0, 900.0\]"):
        check_views(views, REGION)


# Sets that are warned of


def test_a_view_that_misses_the_region_is_named():
    views = c_arm_views()
    views[3] = views[3].cropped(1000, 0, (256, 256))
    with pytest.warns(IXGSWarning, match="view '003' does not see the region") as caught:
        check_views(views, REGION)
    assert len(caught) == 1


def test_views_that_miss_the_region_are_named_together():
    views = [view.cropped(1000, 0, (256, 256)) if n < 18 else view for n, view in enumerate(c_arm_views())]
    with pytest.warns(IXGSWarning, match="^views '000', '001', .* and '017' do not see the region") as caught:
        check_views(views, REGION)
    assert len(caught) == 1


def test_numbers_that_differ_between_views_are_given_as_a_range():
    front, side = ([v] for v in c_arm_views([(0, 0), (90, 0)]))
    nearer = CArm(source_isocentre=500.0).view(0, 0, ISOCENTRE, "near")
    views = [replace(view, pixel_spacing=(0.1, 0.1)) for view in (*front, nearer)]
    with pytest.raises(GeometryError, match=r"^views '000' and 'near': .* \(500 to 620 mm from the source"):
        check_views([*views, *side], REGION)


@pytest.mark.parametrize("path", [arc(5, 9.9), [(0, 0), (180, 0)], [(30, 5), (30, 5)]])
def test_views_from_almost_one_line_are_warned_about(path):
    with pytest.warns(IXGSWarning, match="the views differ by at most"):
        check_views(c_arm_views(path), REGION)


def test_views_just_beyond_a_narrow_baseline_are_not_warned_about(recwarn):
    check_views(c_arm_views(arc(5, 10.1)), REGION)
    assert not recwarn.list


def test_a_region_of_too_many_voxels_is_refused():
    views = trajectory(CArm(), arc(5), (0, 0, 0))
    with pytest.raises(GeometryError, match="larger spacing"):
        check_views(views, Grid.centered((0, 0, 0), (160, 160, 160), 0.1))


def test_an_unstated_region_has_no_more_voxels_than_it_can_use():
    views = trajectory(CArm(detector_pixels=(2048, 2048)), arc(5, 160, 20), (0, 0, 0))
    assert max(common_region(views).shape) <= 257
