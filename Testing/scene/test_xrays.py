"""X-rays in a scene lie on their detectors, and come back as they went in."""

import numpy as np
import pytest

from IXGSLib.errors import FormatError, GeometryError
from IXGSLib.formats import load_case, save_case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply, rigid
from IXGSLib.scene.arrays import image_of
from IXGSLib.scene.frames import flipped, matrix_array, vtk_matrix
from IXGSLib.scene.xrays import add_xray_browser, add_xrays, case_of, grey, view_of_image, xray_of, xrays_of


def image_node(scene, values, name="shot", spacing=(0.5, 0.5, 1.0)):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image_of(values))
    node.SetSpacing(*spacing)
    return node


def pose_node(scene, world_from_camera):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "pose")
    node.SetMatrixTransformToParent(vtk_matrix(flipped(world_from_camera)))
    return node


def same(a, b):
    assert a.view.id == b.view.id
    assert (a.view.size, a.view.pixel_spacing) == (b.view.size, b.view.pixel_spacing)
    assert np.array_equal(a.view.K, b.view.K)
    assert np.abs(a.view.world_from_camera - b.view.world_from_camera).max() < 1e-9
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.mask, b.mask)


def test_x_rays_come_back_as_they_went_in(scene, xrays):
    sequence = add_xrays(scene, xrays)
    assert [sequence.GetNthIndexValue(n) for n in range(3)] == ["ap", "oblique", "lat"]
    for a, b in zip(xrays_of(sequence), xrays, strict=True):
        same(a, b)


def test_a_pixel_of_the_image_lies_on_the_ray_that_ends_in_it(scene, xrays):
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


def test_the_browser_shows_one_x_ray_at_a_time_in_one_window(scene, slicer, xrays):
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


def test_grey_spans_the_measured_pixels_and_hides_the_others(xrays):
    picture = grey(xrays[1])
    assert picture.dtype == np.uint8
    assert (picture[~xrays[1].mask] == 0).all()
    assert (picture[xrays[1].mask].min(), picture.max()) == (0, 255)


def test_loaded_images_and_transforms_are_the_x_rays_that_they_show(scene, xrays):
    made = []
    for xray in xrays:
        view = xray.view
        pose = pose_node(scene, view.world_from_camera)
        node = image_node(scene, xray.image[None], view.id, (*view.pixel_spacing, 1.0))
        distance = view.source_detector_distance
        made.append(xray_of(node, pose, source_detector_distance=distance, values="line_integral"))
    for a, b in zip(made, xrays, strict=True):
        assert np.allclose(a.view.K, b.view.K)
        assert np.abs(a.view.world_from_camera - b.view.world_from_camera).max() < 1e-9
        assert np.array_equal(a.image, b.image)


def test_intensities_become_line_integrals(scene, xrays):
    counts = np.rint(50000 * np.exp(-xrays[0].image)).astype(np.uint16)
    pose = pose_node(scene, np.eye(4))
    made = xray_of(image_node(scene, counts[None]), pose, source_detector_distance=1000, i0=50000)
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
        same(a, b)


def test_without_a_region_it_is_what_all_views_see(scene, xrays):
    case = case_of(xrays)
    assert np.allclose(case.grid.center, (10, 20, 1300), atol=1e-6)
    assert all(view.sees(case.grid.corners()).all() for view in case.views)


def test_what_the_views_cannot_reconstruct_is_refused_as_on_disk(xrays):
    with pytest.raises(GeometryError, match="no view sees the region"):
        case_of(xrays, Grid.centered((10, 220, 1700), (30, 30, 30), 1.0))
    with pytest.raises(FormatError, match="no X-rays"):
        case_of([])


def test_no_x_rays_make_no_sequence(scene):
    count = scene.GetNumberOfNodes()
    with pytest.raises(FormatError, match="X-rays: no X-rays"):
        add_xrays(scene, [])
    assert scene.GetNumberOfNodes() == count


def test_a_stack_of_slices_an_empty_image_and_colour_are_refused_by_name(scene):
    pose, options = pose_node(scene, np.eye(4)), {"source_detector_distance": 1000.0}
    with pytest.raises(FormatError, match="stack: 5 slices, expected one X-ray"):
        xray_of(image_node(scene, np.ones((5, 6, 7), np.float32), "stack"), pose, **options)
    with pytest.raises(FormatError, match="nothing: an image without pixels"):
        xray_of(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing"), pose, **options)
    colour = np.random.default_rng(0).integers(0, 255, (1, 6, 7, 3), dtype=np.uint8)
    with pytest.raises(FormatError, match="photo: a colour image"):
        xray_of(image_node(scene, colour, "photo"), pose, **options)


def test_a_mirrored_pose_is_refused(scene, xrays):
    pose = pose_node(scene, rigid(np.diag([1.0, 1.0, -1.0]), (0, 0, 0)))
    with pytest.raises(GeometryError, match="pose: its rotation is a reflection"):
        xray_of(image_node(scene, xrays[0].image[None]), pose, source_detector_distance=1000)


def test_a_foreign_volume_is_no_x_ray(scene, volume):
    from IXGSLib.scene import add_volume

    with pytest.raises(FormatError, match="CT: no X-ray of IXGS"):
        view_of_image(add_volume(scene, volume, "CT"))
