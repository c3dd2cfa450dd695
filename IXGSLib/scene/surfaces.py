"""The closed surface of labelled voxels, as Slicer itself makes it; this takes long, and can be done elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FormatError
from .arrays import image_of
from .frames import vtk_matrix

CONVERSION = {"Conversion method": "1", "Smoothing factor": "0.5", "SurfaceNets smoothing": "0"}
"""By which parameters Slicer makes the same surface from a segment: surface nets are faster than its usual way and as
true; their own smoothing would shrink bone by 0.3 mm."""
ITERATIONS, PASS_BAND = 40, 0.01
"""Of the smoothing, as Slicer derives them from its smoothing factor."""
STAGES = ("nets", "smoothing")


def labels_surface(
    labels: np.ndarray, ras_from_index: ArrayLike, told: Callable[[str], None] = lambda stage: None
) -> Any:
    """The surface of the voxels [k, j, i] that are not zero: a vtkPolyData, RAS mm, its polygons wound outward.

    ras_from_index: (4, 4), of indices (i, j, k). told: called with each of the STAGES when it begins. Voxels at the
    border of the lattice are capped, so that the surface is closed.
    By surface nets (Frisken, J. Computer Graphics Techniques 2022) and windowed-sinc smoothing (Taubin, ICCV 1996).
    """
    from vtkmodules.vtkCommonTransforms import vtkTransform
    from vtkmodules.vtkFiltersCore import vtkReverseSense, vtkSurfaceNets3D, vtkWindowedSincPolyDataFilter
    from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

    nets = vtkSurfaceNets3D()
    nets.SetInputData(image_of(np.pad(np.asarray(labels, dtype=bool), 1).view(np.uint8)))
    nets.SetValue(0, 1)
    nets.SmoothingOff()
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(nets.GetOutputPort())
    smooth.SetNumberOfIterations(ITERATIONS)
    smooth.SetPassBand(PASS_BAND)
    smooth.BoundarySmoothingOff()
    smooth.FeatureEdgeSmoothingOff()
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    place = vtkTransform()
    place.SetMatrix(vtk_matrix(ras_from_index))
    place.Translate(-1, -1, -1)  # the margin
    placed = vtkTransformPolyDataFilter()
    placed.SetTransform(place)
    placed.SetInputConnection(smooth.GetOutputPort())
    outward = vtkReverseSense()
    outward.SetReverseCells(bool(np.linalg.det(np.asarray(ras_from_index)[:3, :3]) < 0))
    outward.ReverseNormalsOff()
    outward.SetInputConnection(placed.GetOutputPort())
    for stage, step in zip(STAGES, (nets, outward), strict=True):
        told(stage)
        step.Update()
    surface = outward.GetOutput()
    surface.GetCellData().Initialize()  # which label lies on which side, of no use with one label
    return surface


def write_surface(path: str | os.PathLike[str], surface: Any) -> None:
    """Write a vtkPolyData as VTP that is quickly read; raises FormatError where that is impossible."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    writer = vtkXMLPolyDataWriter()
    writer.SetFileName(os.fspath(path))
    writer.SetInputData(surface)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.SetCompressorTypeToNone()
    if not writer.Write() or writer.GetErrorCode():
        raise FormatError(f"{path}: cannot be written; free some space or choose another folder for temporary files")


def read_surface(path: str | os.PathLike[str]) -> Any:
    """The vtkPolyData in a file of `write_surface`; raises FormatError for another file."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    reader = vtkXMLPolyDataReader()
    if not reader.CanReadFile(os.fspath(path)):
        raise FormatError(f"{path}: no surface that IXGS wrote; make it again")
    reader.SetFileName(os.fspath(path))
    reader.Update()
    return reader.GetOutput()
