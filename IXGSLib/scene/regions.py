"""The region to reconstruct as a box in a scene."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GeometryError
from ..geometry import Grid
from ..geometry.rigid import rigid
from .frames import FLIP, flipped_points, matrix_array, vtk_matrix


def add_region(scene: Any, grid: Grid, name: str = "Region", node: Any = None) -> Any:
    """A vtkMRMLMarkupsROINode around a grid's box, oblique where the grid is.

    node: moved there in place of a new one. Around a grid along the patient's axes the box has the axes of one that is
    drawn by hand: right, anterior, superior.
    """
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetFillVisibility(False)
        node.GetDisplayNode().SetPropertiesLabelVisibility(False)
    turned = FLIP[:3, :3] @ grid.direction @ FLIP[:3, :3]
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObserveObjectToNodeMatrix(vtk_matrix(rigid(turned, flipped_points(grid.center))))
    node.SetSize(grid.size.tolist())
    return node


def region_of(node: Any, spacing: float) -> Grid:
    """The lattice of cubic voxels of `spacing` mm in the box of a vtkMRMLMarkupsROINode, its transforms applied.

    Raises GeometryError for a box that has not been drawn, or under a transform that is not rigid.
    """
    size = np.array(node.GetSize())
    if not size.min() > 0:
        raise GeometryError(f"{node.GetName()}: the box measures {size.tolist()} mm; draw it before it is used")
    world_from_box = matrix_array(node.GetObjectToWorldMatrix())
    direction = FLIP[:3, :3] @ world_from_box[:3, :3] @ FLIP[:3, :3]
    return Grid.centered(flipped_points(world_from_box[:3, 3]), size, spacing, direction)
