"""Arrays as VTK images, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike


def new_image(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> tuple[Any, np.ndarray]:
    """A vtkImageData with undefined values, and a view of them as an array [k, j, i] or [k, j, i, channel].

    Origin and spacing are left to the node. The array is valid as long as the image exists.
    """
    import vtk
    from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

    channels = 1 if len(shape) == 3 else shape[3]
    scalars = vtk.vtkDataArray.CreateDataArray(get_vtk_array_type(np.dtype(dtype)))
    scalars.SetName("ImageScalars")
    scalars.SetNumberOfComponents(channels)
    scalars.SetNumberOfTuples(int(np.prod(shape[:3])))
    image = vtk.vtkImageData()
    image.SetDimensions(*shape[2::-1])
    image.GetPointData().SetScalars(scalars)
    return image, vtk_to_numpy(scalars).reshape(shape)


def image_of(values: np.ndarray) -> Any:
    """A vtkImageData with a copy of the values [k, j, i] or [k, j, i, channel]; the node holds origin and spacing."""
    image, target = new_image(values.shape, values.dtype)
    target[...] = values
    return image


def array_view(image: Any) -> np.ndarray:
    """The values of a vtkImageData without a copy, to be read only and as long as the image exists."""
    from vtk.util.numpy_support import vtk_to_numpy

    channels = image.GetNumberOfScalarComponents()
    shape = image.GetDimensions()[::-1] + (() if channels == 1 else (channels,))
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)


def values_of(image: Any) -> np.ndarray:
    """A copy of the values of a vtkImageData: [k, j, i], or [k, j, i, channel] if there are several channels."""
    return np.array(array_view(image))
