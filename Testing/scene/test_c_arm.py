"""The C-arm is drawn at the poses of the calibration."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import rigid
from IXGSLib.scene.c_arm import (
    GIVEN_COLOUR,
    VIEW_ID,
    add_c_arm,
    hide_c_arm,
    highlight,
    look_through,
    show_c_arm,
    view_of_pose,
)
from IXGSLib.scene.frames import FLIP, flipped_points, vtk_matrix
from Testing.scene.points import world_points


def test_the_corners_of_the_detector_project_onto_those_of_the_image(scene, xrays):
    for shown, xray in zip(show_c_arm(scene, xrays), xrays, strict=True):
        corners = world_points(shown.detector)
        pixels, depth = xray.view.project(corners)
        assert np.allclose(pixels, [(-0.5, -0.5), (39.5, -0.5), (39.5, 29.5), (-0.5, 29.5)], atol=1e-6)
        assert np.allclose(depth, xray.view.source_detector_distance)
        coordinates = shown.detector.GetPolyData().GetPointData().GetTCoords()
        assert [coordinates.GetTuple2(n) for n in range(4)] == [(0, 0), (1, 0), (1, 1), (0, 1)]


def test_the_picture_on_the_detector_is_the_x_ray(scene, xrays):
    from IXGSLib.scene.arrays import values_of
    from IXGSLib.xray.windowing import grey_picture

    shown = show_c_arm(scene, xrays)[1]
    producer = shown.detector.GetDisplayNode().GetTextureImageDataConnection().GetProducer()
    texture = values_of(producer.GetOutputDataObject(0))
    assert np.array_equal(texture[0, ..., 0], grey_picture(xrays[1].image, xrays[1].mask))


def test_the_frame_contains_the_source_and_the_principal_ray(scene, xrays):
    for shown, xray in zip(show_c_arm(scene, xrays), xrays, strict=True):
        points = world_points(shown.frame)
        assert np.abs(points - xray.view.source).sum(axis=1).min() < 1e-6
        end = xray.view.source + xray.view.source_detector_distance * xray.view.axis
        assert np.abs(points - end).sum(axis=1).min() < 1e-6


def test_the_view_of_a_pose_follows_its_parent_transform(scene, xrays, rotation):
    shown = show_c_arm(scene, xrays)[0]
    view = view_of_pose(shown.pose)
    assert np.abs(view.projection_matrix - xrays[0].view.projection_matrix).max() < 1e-6
    motion = rigid(rotation, (10, 20, -30))
    above = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    above.SetMatrixTransformToParent(vtk_matrix(FLIP @ motion @ FLIP))
    shown.pose.SetAndObserveTransformNodeID(above.GetID())
    moved = view_of_pose(shown.pose)
    assert np.abs(moved.world_from_camera - xrays[0].view.moved(motion).world_from_camera).max() < 1e-9
    with pytest.raises(FormatError, match="not an X-ray of IXGS"):
        view_of_pose(above)


def test_a_detector_at_an_unknown_distance_is_drawn_behind_the_region(scene, xrays):
    unknown = [replace(xray, view=replace(xray.view, pixel_spacing=None)) for xray in xrays]
    grid = Grid.centered((10, 20, 1300), (60, 60, 60), 1.0)
    for shown, xray in zip(show_c_arm(scene, unknown, grid), xrays, strict=True):
        depth = xray.view.project(world_points(shown.detector))[1]
        assert (depth > xray.view.project(grid.corners())[1].max()).all()


def test_showing_again_replaces_the_c_arm_and_hiding_removes_it(scene, xrays):
    before = scene.GetNumberOfNodes()
    show_c_arm(scene, xrays)
    count = scene.GetNumberOfNodes()
    show_c_arm(scene, xrays[:2])
    assert scene.GetNumberOfNodes() < count
    hide_c_arm(scene)
    left = [scene.GetNthNode(n).GetName() for n in range(scene.GetNumberOfNodes())]
    assert scene.GetNumberOfNodes() <= before + 1, left  # the subject hierarchy may have been added
    assert not any(scene.GetNthNode(n).GetAttribute(VIEW_ID) for n in range(scene.GetNumberOfNodes()))


def test_views_that_are_added_one_by_one_are_drawn_as_all_at_once(scene, xrays):
    grid = Grid.centered((10, 20, 1300), (60, 60, 60), 1.0)
    together = [world_points(shown.frame) for shown in show_c_arm(scene, xrays, grid)]
    hide_c_arm(scene)
    singly = [world_points(add_c_arm(scene, [xray], grid)[0].frame) for xray in xrays]
    assert np.array_equal(together, singly)
    assert show_c_arm(scene, []) == ()


def test_the_nodes_are_in_one_folder(scene, slicer, xrays):
    show_c_arm(scene, xrays)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = hierarchy.GetItemByName("C-arm")
    assert hierarchy.GetNumberOfItemChildren(folder) == 9
    hide_c_arm(scene)
    assert not hierarchy.GetItemByName("C-arm")


def test_highlighting_a_view_fades_the_others(scene, xrays):
    shown = show_c_arm(scene, xrays)
    highlight(shown, "oblique")
    opacity = {each.view_id: each.detector.GetDisplayNode().GetOpacity() for each in shown}
    assert opacity["oblique"] == 1 > opacity["ap"] == opacity["lat"]
    highlight(shown, None)
    assert {each.frame.GetDisplayNode().GetOpacity() for each in shown} == {1.0}


def test_looking_through_a_view_shows_what_its_detector_saw(scene, xrays):
    view = xrays[1].view
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    look_through(camera, view)
    width, height = view.size
    matrix = camera.GetCamera().GetCompositeProjectionTransformMatrix(width / height, -1, 1)
    for point in np.array([(10, 20, 1300), (25, 10, 1310), (-10, 35, 1280)]):
        x, y, _, w = matrix.MultiplyPoint((*flipped_points(point), 1.0))
        screen = (x / w + 1) / 2 * width - 0.5, (1 - y / w) / 2 * height - 0.5
        assert np.allclose(screen, view.project(point)[0], atol=1e-6)


@pytest.fixture
def given(xrays, rotation):
    """The views before their poses were refined: the first two, moved."""
    motion = rigid(np.eye(3), (12, -5, 8)) @ rigid(rotation, (0, 0, 0))
    return {xray.view.id: xray.view.moved(motion) for xray in xrays[:2]}


def test_the_move_of_a_view_joins_its_given_and_its_final_pose(scene, xrays, given):
    shown = show_c_arm(scene, xrays, given=given)
    assert shown[2].move is None
    for nodes, xray in zip(shown[:2], xrays, strict=False):
        earlier, points = given[nodes.view_id], world_points(nodes.move)
        pixels, depth = earlier.project(points[:4])
        assert np.allclose(pixels, [(-0.5, -0.5), (39.5, -0.5), (39.5, 29.5), (-0.5, 29.5)], atol=1e-5)
        assert np.allclose(depth, earlier.source_detector_distance)
        assert np.allclose(points[4], earlier.source)
        assert np.allclose(points[5:9], world_points(nodes.detector), atol=1e-6)
        assert np.allclose(points[9], xray.view.source)
        for n in range(5):
            line = nodes.move.GetPolyData().GetCell(n + 1)
            assert (line.GetPointId(0), line.GetPointId(1)) == (n, n + 5)
        assert nodes.move.GetDisplayNode().GetColor() == GIVEN_COLOUR


def test_moves_are_faded_kept_out_of_the_scene_and_removed_with_the_rest(scene, slicer, xrays, given):
    shown = show_c_arm(scene, xrays, saved=False, given=given)
    highlight(shown, "oblique")
    opacity = {each.view_id: each.move.GetDisplayNode().GetOpacity() for each in shown[:2]}
    assert opacity["oblique"] == 1 > opacity["ap"]
    assert shown[1].move.GetDisplayNode().GetColor() == GIVEN_COLOUR
    for nodes in shown[:2]:
        assert not nodes.move.GetSaveWithScene()
        assert not nodes.move.GetDisplayNode().GetSaveWithScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    assert hierarchy.GetNumberOfItemChildren(hierarchy.GetItemByName("C-arm")) == 11
    hide_c_arm(scene)
    assert not scene.GetFirstNodeByName("ap move")
