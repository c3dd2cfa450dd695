"""Slice views along the axes of the patient or of a vertebra."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError, SettingsError
from ..geometry.rigid import Array, proper_rotation
from .frames import FLIP, flipped_points, matrix_array, vtk_matrix

ORIENTATIONS = {
    "Axial": ((0, 1), (1, -1), (2, 1)),
    "Sagittal": ((1, 1), (2, 1), (0, 1)),
    "Coronal": ((0, 1), (2, 1), (1, -1)),
}
"""Axis (0 left, 1 posterior, 2 superior) and sign of a slice view's right, up and normal directions, as in Slicer."""
_VIEWS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
"""The default orientations of Slicer's slice views, by layout name."""


def slice_to_ras(orientation: str, axes: ArrayLike | None = None, point: ArrayLike | None = None) -> Array:
    """(4, 4) SliceToRAS of a slice view: from mm to the right, up and out of the slice to RAS mm.

    orientation: Axial, Sagittal or Coronal. axes: (3, 3) rotation whose columns are left, posterior and superior in
    LPS, by default those of the patient. point: (3,) LPS mm in the slice, by default the origin.
    Axial slices are seen from the feet, so that their matrix is left-handed, as in Slicer.
    """
    if orientation not in ORIENTATIONS:
        raise SettingsError(f"orientation '{orientation}', expected one of {', '.join(ORIENTATIONS)}")
    rotation = np.eye(3) if axes is None else proper_rotation(axes, "axes of the slices")
    matrix = np.eye(4)
    for column, (axis, sign) in enumerate(ORIENTATIONS[orientation]):
        matrix[:3, column] = sign * FLIP[:3, :3] @ rotation[:, axis]
    if point is not None:
        matrix[:3, 3] = flipped_points(point)
    return matrix


def align_slices(slice_nodes: Iterable[Any], axes: ArrayLike | None = None, point: ArrayLike | None = None) -> None:
    """Align vtkMRMLSliceNodes with the axes of the patient, or with other axes; each keeps its default orientation.

    axes, point: as in `slice_to_ras`; without a point each slice keeps its centre.
    Raises GeometryError for a slice view whose default orientation is neither axial, sagittal nor coronal.
    """
    nodes = list(slice_nodes)
    matrices = [slice_to_ras(_orientation(node), axes, point) for node in nodes]
    for node, matrix in zip(nodes, matrices, strict=True):
        if point is None:
            matrix[:3, 3] = matrix_array(node.GetSliceToRAS())[:3, 3]
        node.GetSliceToRAS().DeepCopy(vtk_matrix(matrix))
        node.UpdateMatrices()


def directions_of(slice_node: Any) -> Array:
    """(3, 3) columns: the directions to the right, up and out of a slice view, in RAS."""
    return matrix_array(slice_node.GetSliceToRAS())[:3, :3].copy()


def points_of(markups: Any) -> Array:
    """(n, 3) LPS mm: the world positions of the control points of a markups node that have been placed."""
    import vtk

    point, points = [0.0, 0.0, 0.0], vtk.vtkPoints()
    for n in range(markups.GetNumberOfControlPoints()):
        if markups.GetNthControlPointPositionStatus(n) == markups.PositionDefined:
            markups.GetNthControlPointPositionWorld(n, point)
            points.InsertNextPoint(point)
    placed = [points.GetPoint(n) for n in range(points.GetNumberOfPoints())]
    return flipped_points(np.array(placed, dtype=np.float64).reshape(-1, 3))


def _orientation(node: Any) -> str:
    candidates = (node.GetDefaultOrientation(), _VIEWS.get(node.GetLayoutName()), node.GetOrientation())
    orientation = next((name for name in candidates if name in ORIENTATIONS), None)
    if orientation is None:
        raise GeometryError(
            f"slice view {node.GetName()}: its default orientation is '{node.GetDefaultOrientation()}', expected one "
            f"of {', '.join(ORIENTATIONS)}; leave it out"
        )
    return orientation
