"""Conversion between LPS, the world of IXGS, and RAS, the world of Slicer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError
from ..geometry.rigid import Array, proper_rotation, rigid

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""RAS from LPS; its own inverse."""


def flipped(world_from_source: ArrayLike) -> Array:
    """(4, 4): the same transform with RAS instead of LPS as its world, or the reverse."""
    return FLIP @ np.asarray(world_from_source, dtype=np.float64)


def flipped_points(points: ArrayLike) -> Array:
    """(..., 3) LPS points in RAS, or the reverse."""
    return np.asarray(points, dtype=np.float64) * (-1.0, -1.0, 1.0)


def vtk_matrix(matrix: ArrayLike) -> Any:
    """A (4, 4) array as a vtkMatrix4x4."""
    import vtk

    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel().tolist())
    return result


def matrix_array(matrix: Any) -> Array:
    """A vtkMatrix4x4 as a (4, 4) array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def world_from_node(node: Any) -> Array:
    """(4, 4) RAS: the product of the parent transforms of a node, the identity if there are none.

    Raises GeometryError for a nonlinear transform.
    """
    import vtk

    matrix = vtk.vtkMatrix4x4()
    parent = node.GetParentTransformNode()
    if parent is not None and not parent.GetMatrixTransformToWorld(matrix):
        raise GeometryError(
            f"{node.GetName()}: has a nonlinear parent transform, expected a rigid one; harden it on the node first"
        )
    return matrix_array(matrix)


def pose_of(node: Any) -> Array:
    """(4, 4) LPS mm: world_from_source of a rigid linear transform node, including its parents.

    Raises GeometryError for a transform that is nonlinear, or that scales, shears or mirrors.
    """
    if not node.IsLinear():
        raise GeometryError(f"{node.GetName()}: a nonlinear transform, expected a rigid one; choose another transform")
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToWorld(matrix)
    pose = flipped(matrix_array(matrix))
    # A rotation in RAS is a rotation in LPS, because the flip reverses two axes.
    return rigid(proper_rotation(pose[:3, :3], f"{node.GetName()}: its rotation"), pose[:3, 3])
