"""Volumes in a scene have their position in the patient and come back unchanged."""

import numpy as np
import pytest
from hypothesis import given

from IXGSLib.errors import GeometryError
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import rigid
from IXGSLib.scene import add_volume
from IXGSLib.scene.frames import FLIP, flipped, matrix_array, vtk_matrix
from IXGSLib.scene.volumes import MIN_WHITE_ATTENUATION, NOTICE, WINDOW_SAMPLES, grid_of, volume_of
from IXGSLib.volume import Volume
from Testing.geometry.strategies import grids

CORNERS = np.array([(i, j, k) for k in (0, 1) for j in (0, 1) for i in (0, 1)])


def corners(node):
    """(8, 3) RAS mm: the outer corners of a volume node by its IJKToRAS matrix."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    index = CORNERS * node.GetImageData().GetDimensions() - 0.5
    return np.array([matrix.MultiplyPoint((*each, 1.0))[:3] for each in index])


def expected(grid):
    """(8, 3) RAS mm: the outer corners of a grid, in the order of `corners`."""
    index = CORNERS * grid.shape[::-1] - 0.5
    return (grid.origin + (index * grid.spacing) @ grid.direction.T) * (-1, -1, 1)


@pytest.fixture(scope="module")
def written(slicer):
    """A scene with one volume node that all examples overwrite."""
    from IXGSLib.scene.session import new_scene

    scene = new_scene()
    return scene, add_volume(scene, Volume(np.zeros((1, 1, 1)), Grid((1, 1, 1), (1, 1, 1), (0, 0, 0), np.eye(3))))


@given(grid=grids())
def test_the_corners_of_the_node_are_those_of_the_grid(grid, written):
    scene, node = written
    add_volume(scene, Volume(np.zeros(grid.shape), grid), node=node)
    assert np.abs(corners(node) - expected(grid)).max() < 1e-6
    assert np.allclose(sorted(map(tuple, expected(grid))), sorted(map(tuple, grid.corners() * (-1, -1, 1))))


def test_the_grey_window_of_a_large_volume_is_that_of_all_its_voxels(scene):
    values = np.random.default_rng(0).random((96, 160, 160), dtype=np.float32)  # more than WINDOW_SAMPLES
    display = add_volume(scene, Volume(values, Grid.centered((0, 0, 0), (160, 160, 96), 1.0))).GetDisplayNode()
    assert values.size > 2 * WINDOW_SAMPLES
    assert not display.GetAutoWindowLevel()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, pytest.approx(0.999, abs=1e-3))


def test_a_volume_survives_the_scene(scene, volume):
    back = volume_of(add_volume(scene, volume))
    assert np.array_equal(back.values, volume.values)
    assert np.abs(back.grid.world_from_index - volume.grid.world_from_index).max() < 1e-9


def test_the_densest_voxel_is_found_at_its_position_in_the_world(scene, volume):
    import vtk

    node = add_volume(scene, volume)
    index = np.unravel_index(volume.values.argmax(), volume.values.shape)
    position = volume.grid.points()[index] * (-1, -1, 1)
    matrix = vtk.vtkMatrix4x4()
    node.GetRASToIJKMatrix(matrix)
    i, j, k = (round(n) for n in matrix.MultiplyPoint((*position, 1.0))[:3])
    assert node.GetImageData().GetScalarComponentAsDouble(i, j, k, 0) == volume.values.max()


def test_the_node_states_its_unit_and_that_it_is_for_research(scene, volume):
    node = add_volume(scene, volume, "Spine")
    assert node.GetName() == "Spine"
    assert node.GetAttribute(NOTICE) == "Research use only. Not a medical device."
    assert node.GetVoxelValueUnits().GetCodeMeaning() == "1/mm"
    assert node.GetVoxelValueQuantity().GetCodeMeaning() == "Attenuation Coefficient"


def test_bone_is_bright_and_a_volume_without_bone_is_dark(scene, volume):
    display = add_volume(scene, volume).GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((0, 0.05), rel=0.01)
    faint = add_volume(scene, Volume(volume.values / 10, volume.grid)).GetDisplayNode()
    assert faint.GetWindowLevelMax() == pytest.approx(MIN_WHITE_ATTENUATION)


def test_overwriting_a_preview_keeps_its_node_and_its_window(scene, volume):
    coarse = Volume(volume.values[::2, ::2, ::2], Grid((10, 12, 14), (2, 2, 2), (0, 0, 0), np.eye(3)))
    node = add_volume(scene, coarse, "Preview")
    node.GetDisplayNode().SetWindowLevelMinMax(0.01, 0.02)
    count = scene.GetNumberOfNodes()
    assert add_volume(scene, volume, node=node) is node
    assert scene.GetNumberOfNodes() == count
    assert node.GetName() == "Preview"
    assert node.GetDisplayNode().GetWindowLevelMax() == pytest.approx(0.02)
    assert np.abs(corners(node) - expected(volume.grid)).max() < 1e-6


def test_the_node_has_its_own_copy_of_the_values(scene, volume):
    values = np.array(volume.values)
    node = add_volume(scene, Volume(values, volume.grid))
    del values
    assert volume_of(node).values.max() == volume.values.max()


def test_a_transform_above_the_node_moves_the_volume(scene, volume, rotation):
    node = add_volume(scene, volume)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    motion = rigid(rotation, (5, -6, 7))
    transform.SetMatrixTransformToParent(vtk_matrix(motion))
    node.SetAndObserveTransformNodeID(transform.GetID())
    moved = FLIP @ motion @ FLIP @ volume.grid.world_from_index
    assert np.abs(grid_of(node).world_from_index - moved).max() < 1e-9


def test_a_transform_that_is_sheared_or_nonlinear_is_refused(scene, volume):
    node = add_volume(scene, volume)
    scaling = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "scaling")
    shear = np.eye(4)
    shear[0, 1] = 0.2
    scaling.SetMatrixTransformToParent(vtk_matrix(shear))
    node.SetAndObserveTransformNodeID(scaling.GetID())
    with pytest.raises(GeometryError, match="not a rotation"):
        volume_of(node)
    bending = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bending")
    node.SetAndObserveTransformNodeID(bending.GetID())
    with pytest.raises(GeometryError, match=r"nonlinear parent transform.*harden"):
        volume_of(node)


def test_a_left_handed_grid_is_the_same_volume_with_its_slices_reversed(scene, volume):
    import vtk

    node = add_volume(scene, volume)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    mirrored = matrix_array(matrix) @ np.diag([1.0, 1.0, -1.0, 1.0])
    mirrored[:, 3] = matrix_array(matrix) @ (0, 0, volume.values.shape[0] - 1, 1)
    node.SetIJKToRASMatrix(vtk_matrix(mirrored))
    from IXGSLib.scene.arrays import image_of

    node.SetAndObserveImageData(image_of(volume.values[::-1]))
    back = volume_of(node)
    assert np.array_equal(back.values, volume.values)
    assert np.abs(back.grid.world_from_index - volume.grid.world_from_index).max() < 1e-9


def test_nodes_without_a_scalar_volume_are_refused_by_name(scene):
    from IXGSLib.scene.arrays import image_of

    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    with pytest.raises(GeometryError, match="empty: a volume without voxels"):
        volume_of(empty)
    empty.SetAndObserveImageData(image_of(np.zeros((2, 3, 4, 3), np.float32)))
    with pytest.raises(GeometryError, match="empty: 3 values per voxel"):
        volume_of(empty)


def test_flipping_twice_changes_nothing():
    pose = rigid(np.eye(3), (1, 2, 3))
    assert np.array_equal(flipped(flipped(pose)), pose)
    assert flipped(pose)[:3, 3].tolist() == [-1, -2, 3]
