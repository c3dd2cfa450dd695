"""Arrays as VTK's images, and back."""

from __future__ import annotations

from typing import Any

import numpy as np


def image_of(values: np.ndarray) -> Any:
    """A vtkImageData with a copy of the values [k, j, i] or [k, j, i, channel]; the lattice is the node's business."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    channels = 1 if values.ndim == 3 else values.shape[3]
    scalars = numpy_to_vtk(np.ascontiguousarray(values).reshape(-1, channels), deep=True)
    scalars.SetName("ImageScalars")
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[2::-1])
    image.GetPointData().SetScalars(scalars)
    return image


def values_of(image: Any) -> np.ndarray:
    """A copy of the values of a vtkImageData: [k, j, i], or [k, j, i, channel] where there are several."""
    from vtk.util.numpy_support import vtk_to_numpy

    channels = image.GetNumberOfScalarComponents()
    shape = image.GetDimensions()[::-1] + (() if channels == 1 else (channels,))
    return np.array(vtk_to_numpy(image.GetPointData().GetScalars())).reshape(shape)
