"""The region to reconstruct as an ROI in a scene."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GeometryError
from ..geometry import Grid
from ..geometry.rigid import rigid
from .frames import FLIP, flipped_points, matrix_array, vtk_matrix


def add_region(scene: Any, grid: Grid, name: str = "Region", node: Any = None) -> Any:
    """A vtkMRMLMarkupsROINode around a grid, oblique if the grid is oblique.

    node: an ROI to move there instead of adding one. For a grid along the patient's axes, the ROI has the axes of one
    that is drawn by hand: right, anterior, superior.
    """
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetFillVisibility(False)
        node.GetDisplayNode().SetPropertiesLabelVisibility(False)
    rotation = FLIP[:3, :3] @ grid.direction @ FLIP[:3, :3]
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObserveObjectToNodeMatrix(vtk_matrix(rigid(rotation, flipped_points(grid.center))))
    node.SetSize(grid.size.tolist())
    return node


def region_of(node: Any, spacing: float) -> Grid:
    """The grid of cubic voxels of `spacing` mm in a vtkMRMLMarkupsROINode, with its parent transforms applied.

    Raises GeometryError for an ROI without a size, or with a parent transform that is not rigid.
    """
    size = np.array(node.GetSize())
    if not size.min() > 0:
        raise GeometryError(
            f"{node.GetName()}: the region measures {size.tolist()} mm, expected three positive sides; draw it first"
        )
    world_from_roi = matrix_array(node.GetObjectToWorldMatrix())
    direction = FLIP[:3, :3] @ world_from_roi[:3, :3] @ FLIP[:3, :3]
    return Grid.centered(flipped_points(world_from_roi[:3, 3]), size, spacing, direction)
