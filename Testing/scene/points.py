"""Points of models in the scene."""

import numpy as np


def world_points(node):
    """(n, 3) LPS mm: the points of a model with its parent transform applied."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    matrix = vtk.vtkMatrix4x4()
    node.GetParentTransformNode().GetMatrixTransformToWorld(matrix)
    points = vtk_to_numpy(node.GetPolyData().GetPoints().GetData())
    return np.array([matrix.MultiplyPoint((*point, 1.0))[:3] for point in points]) * (-1, -1, 1)
