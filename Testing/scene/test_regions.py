"""The ROI that the user drags is the grid that is reconstructed."""

import numpy as np
import pytest

from IXGSLib.errors import GeometryError
from IXGSLib.geometry import Grid
from IXGSLib.geometry.coverage import common_region
from IXGSLib.geometry.rigid import apply, rigid
from IXGSLib.scene.frames import FLIP, vtk_matrix
from IXGSLib.scene.regions import add_region, region_of


@pytest.fixture(params=["upright", "oblique"])
def grid(request, rotation):
    direction = np.eye(3) if request.param == "upright" else rotation
    return Grid.centered((12, -250, 1300), (30, 40, 50), 1.25, direction)


def test_a_grid_survives_the_scene(scene, grid):
    back = region_of(add_region(scene, grid), 1.25)
    assert back.shape == grid.shape
    assert np.abs(back.world_from_index - grid.world_from_index).max() < 1e-9


def test_the_roi_contains_the_same_points_as_the_grid(scene, grid):
    node = add_region(scene, grid)
    points = grid.center + np.random.default_rng(0).uniform(-40, 40, (200, 3))
    inside = [bool(node.IsPointInROIWorld((point * (-1, -1, 1)).tolist())) for point in points]
    assert inside == grid.contains(points).tolist()
    assert 10 < sum(inside) < 190


def test_an_roi_drawn_by_hand_lies_along_the_axes_of_the_patient(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    node.SetCenter([-10, 20, 30])
    node.SetSize([40, 60, 80])
    grid = region_of(node, 2.0)
    assert np.array_equal(grid.direction, np.eye(3))
    assert grid.center.tolist() == [10, -20, 30]
    assert grid.size.tolist() == [40, 60, 80]


def test_the_grid_follows_the_roi_and_its_parent_transform(scene, grid, rotation):
    node = add_region(scene, grid)
    node.SetSize([20, 20, 20])
    assert region_of(node, 2.0).size.tolist() == [20, 20, 20]
    motion = rigid(rotation, (5, 6, -7))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtk_matrix(FLIP @ motion @ FLIP))
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert np.allclose(region_of(node, 2.0).center, apply(motion, grid.center))
    assert add_region(scene, grid, node=node) is node
    assert np.allclose(region_of(node, 1.25).world_from_index, grid.world_from_index)


def test_an_roi_without_a_size_or_with_a_scaling_transform_is_refused(scene, grid):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Region")
    with pytest.raises(GeometryError, match="Region: the region measures"):
        region_of(node, 1.0)
    add_region(scene, grid, node=node)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtk_matrix(np.diag([1.5, 1, 1, 1])))
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(GeometryError, match="not a rotation"):
        region_of(node, 1.0)


def test_the_region_of_the_views_is_seen_by_all_of_them(scene, xrays):
    views = [xray.view for xray in xrays]
    seen = common_region(views, 1.0)
    back = region_of(add_region(scene, seen), 1.0)
    assert all(view.sees(back.corners()).all() for view in views)
