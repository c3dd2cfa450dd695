"""The box that the user drags is the lattice that is reconstructed."""

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


def test_a_lattice_comes_back_from_its_box(scene, grid):
    back = region_of(add_region(scene, grid), 1.25)
    assert back.shape == grid.shape
    assert np.abs(back.world_from_index - grid.world_from_index).max() < 1e-9


def test_the_box_contains_what_the_lattice_contains(scene, grid):
    node = add_region(scene, grid)
    points = grid.center + np.random.default_rng(0).uniform(-40, 40, (200, 3))
    inside = [bool(node.IsPointInROIWorld((point * (-1, -1, 1)).tolist())) for point in points]
    assert inside == grid.contains(points).tolist()
    assert 10 < sum(inside) < 190


def test_a_box_drawn_by_hand_lies_along_the_patients_axes(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    node.SetCenter([-10, 20, 30])
    node.SetSize([40, 60, 80])
    grid = region_of(node, 2.0)
    assert np.array_equal(grid.direction, np.eye(3))
    assert grid.center.tolist() == [10, -20, 30]
    assert grid.size.tolist() == [40, 60, 80]


def test_the_box_can_be_moved_by_hand_and_by_a_transform(scene, grid, rotation):
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


def test_a_box_without_size_and_a_stretched_one_are_refused(scene, grid):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Region")
    with pytest.raises(GeometryError, match="Region: the box measures"):
        region_of(node, 1.0)
    add_region(scene, grid, node=node)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtk_matrix(np.diag([1.5, 1, 1, 1])))
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(GeometryError, match="not a rotation"):
        region_of(node, 1.0)


def test_it_starts_as_what_the_views_see(scene, xrays):
    views = [xray.view for xray in xrays]
    seen = common_region(views, 1.0)
    back = region_of(add_region(scene, seen), 1.0)
    assert all(view.sees(back.corners()).all() for view in views)
