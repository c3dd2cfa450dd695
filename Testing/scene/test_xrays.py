"""X-rays in a scene are positioned on their detectors and come back unchanged."""

import json
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import FormatError, GeometryError
from IXGSLib.formats import load_case, save_case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply, rigid
from IXGSLib.scene.arrays import image_of
from IXGSLib.scene.frames import flipped, matrix_array, vtk_matrix
from IXGSLib.scene.xrays import (
    Detector,
    add_xray_browser,
    add_xrays,
    case_of,
    common_grey_window,
    read_view,
    view_of_image,
    xray_of,
    xrays_of,
)
from IXGSLib.xray.windowing import grey_window


def image_node(scene, values, name="image", spacing=(0.5, 0.5, 1.0)):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image_of(values))
    node.SetSpacing(*spacing)
    return node


def pose_node(scene, world_from_camera):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "pose")
    node.SetMatrixTransformToParent(vtk_matrix(flipped(world_from_camera)))
    return node


def assert_same(a, b):
    assert a.view.id == b.view.id
    assert (a.view.size, a.view.pixel_spacing) == (b.view.size, b.view.pixel_spacing)
    assert np.array_equal(a.view.K, b.view.K)
    assert np.abs(a.view.world_from_camera - b.view.world_from_camera).max() < 1e-9
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.mask, b.mask)


def test_x_rays_survive_the_scene(scene, xrays):
    sequence = add_xrays(scene, xrays)
    assert [sequence.GetNthIndexValue(n) for n in range(3)] == ["ap", "oblique", "lat"]
    for a, b in zip(xrays_of(sequence), xrays, strict=True):
        assert_same(a, b)


def test_a_pixel_of_the_image_node_lies_on_its_ray(scene, xrays):
    import vtk

    sequence = add_xrays(scene, xrays)
    for n, xray in enumerate(xrays):
        node, matrix = sequence.GetNthDataNode(n), vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        pixels = np.array([(0, 0), (39, 0), (0, 29), (39, 29), (12, 7)])
        world = apply(flipped(matrix_array(matrix)), np.insert(pixels, 2, 0, axis=1))
        found, depth = xray.view.project(world)
        assert np.abs(found - pixels).max() < 1e-6
        assert np.allclose(depth, xray.view.source_detector_distance)


def test_the_browser_shows_one_x_ray_at_a_time_in_a_common_window(scene, slicer, xrays):
    sequence = add_xrays(scene, xrays)
    browser = add_xray_browser(scene, sequence)
    proxy = browser.GetProxyNode(sequence)
    assert view_of_image(proxy).id == "ap"
    window = proxy.GetDisplayNode().GetWindowLevelMax()
    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    browser.SetSelectedItemNumber(2)
    logic.UpdateProxyNodesFromSequences(browser)
    assert view_of_image(browser.GetProxyNode(sequence)).id == "lat"
    assert proxy.GetDisplayNode().GetWindowLevelMax() == window


def test_the_common_window_contains_that_of_every_x_ray(xrays):
    low, high = common_grey_window(xrays)
    windows = [grey_window(xray.image, xray.mask) for xray in xrays]
    assert (low, high) == (min(low for low, _ in windows), max(high for _, high in windows))


@pytest.mark.parametrize("pixel_spacing", [(0.3, 0.3), None])
def test_views_in_scenes_that_were_saved_before_can_be_read(scene, xrays, pixel_spacing):
    view = replace(xrays[0].view, pixel_spacing=pixel_spacing)
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    saved = {"id": view.id, "K": view.K.tolist(), "world_from_camera": view.world_from_camera.tolist()}
    saved |= {"size": list(view.size), "pixel_spacing": pixel_spacing}
    node.SetAttribute("IXGS.View", json.dumps(saved))
    found = read_view(node)
    assert (found.id, found.size, found.pixel_spacing) == (view.id, view.size, pixel_spacing)
    assert np.array_equal(found.projection_matrix, view.projection_matrix)


def test_image_nodes_with_poses_are_read_as_x_rays(scene, xrays):
    made = []
    for xray in xrays:
        view = xray.view
        pose = pose_node(scene, view.world_from_camera)
        node = image_node(scene, xray.image[None], view.id, (*view.pixel_spacing, 1.0))
        made.append(xray_of(node, pose, Detector(view.source_detector_distance), values="line_integral"))
    for a, b in zip(made, xrays, strict=True):
        assert np.allclose(a.view.K, b.view.K)
        assert np.abs(a.view.world_from_camera - b.view.world_from_camera).max() < 1e-9
        assert np.array_equal(a.image, b.image)


def test_intensities_become_line_integrals(scene, xrays):
    counts = np.rint(50000 * np.exp(-xrays[0].image)).astype(np.uint16)
    pose = pose_node(scene, np.eye(4))
    made = xray_of(image_node(scene, counts[None]), pose, Detector(1000), i0=50000)
    assert np.allclose(made.image, xrays[0].image, atol=1e-4)
    assert made.view.pixel_spacing == (0.5, 0.5)
    assert made.view.K.tolist() == [[2000, 0, 19.5], [0, 2000, 14.5], [0, 0, 1]]


def test_a_case_from_the_scene_can_be_saved_for_the_command_line(scene, xrays, tmp_path):
    region = Grid.centered((10, 20, 1300), (30, 30, 30), 1.0)
    case = case_of(xrays_of(add_xrays(scene, xrays)), region, "from the scene")
    save_case(case, tmp_path)
    back = load_case(tmp_path)
    assert back.name == "from the scene"
    assert np.allclose(back.grid.world_from_index, region.world_from_index)
    for a, b in zip(back.xrays, xrays, strict=True):
        assert_same(a, b)


def test_the_default_region_is_seen_by_all_views(scene, xrays):
    case = case_of(xrays)
    assert np.allclose(case.grid.center, (10, 20, 1300), atol=1e-6)
    assert all(view.sees(case.grid.corners()).all() for view in case.views)


def test_a_case_that_cannot_be_reconstructed_is_refused_as_on_disk(xrays):
    with pytest.raises(GeometryError, match="no view sees the region"):
        case_of(xrays, Grid.centered((10, 220, 1700), (30, 30, 30), 1.0))
    with pytest.raises(FormatError, match="no X-rays"):
        case_of([])


def test_a_sequence_needs_x_rays(scene):
    count = scene.GetNumberOfNodes()
    with pytest.raises(FormatError, match="X-rays: no X-rays"):
        add_xrays(scene, [])
    assert scene.GetNumberOfNodes() == count


def test_a_stack_an_empty_image_and_a_colour_image_are_refused_by_name(scene):
    pose, detector = pose_node(scene, np.eye(4)), Detector(1000.0)
    with pytest.raises(FormatError, match="stack: 5 slices, expected one X-ray"):
        xray_of(image_node(scene, np.ones((5, 6, 7), np.float32), "stack"), pose, detector)
    with pytest.raises(FormatError, match="nothing: an image without pixels"):
        xray_of(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing"), pose, detector)
    colour = np.random.default_rng(0).integers(0, 255, (1, 6, 7, 3), dtype=np.uint8)
    with pytest.raises(FormatError, match="photo: a colour image"):
        xray_of(image_node(scene, colour, "photo"), pose, detector)


def test_a_mirrored_pose_is_refused(scene, xrays):
    pose = pose_node(scene, rigid(np.diag([1.0, 1.0, -1.0]), (0, 0, 0)))
    with pytest.raises(GeometryError, match="pose: its rotation is a reflection"):
        xray_of(image_node(scene, xrays[0].image[None]), pose, Detector(1000))


def test_a_volume_is_not_an_x_ray(scene, volume):
    from IXGSLib.scene import add_volume

    with pytest.raises(FormatError, match="CT: not an X-ray of IXGS"):
        view_of_image(add_volume(scene, volume, "CT"))
