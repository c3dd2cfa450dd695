"""The closed surface of labelled voxels, the same as Slicer's; it takes long, so the panel uses a child process."""

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
"""The parameters with which Slicer converts a segment into the same surface. Surface nets are faster than its default
method and as accurate; their built-in smoothing would shrink bone by 0.3 mm."""
ITERATIONS, PASS_BAND = 40, 0.01
"""Parameters of the windowed-sinc filter, as Slicer derives them from its smoothing factor."""
STAGES = ("nets", "smoothing")


def labels_surface(
    labels: np.ndarray, ras_from_index: ArrayLike, on_stage: Callable[[str], None] = lambda stage: None
) -> Any:
    """The closed surface of the nonzero voxels [k, j, i]: a vtkPolyData in RAS mm with outward normals.

    ras_from_index: (4, 4), from indices (i, j, k). on_stage: called with each of STAGES when it begins.
    By surface nets (Frisken, J. Computer Graphics Techniques 2022) and windowed-sinc smoothing (Taubin, ICCV 1996).
    """
    net = _surface_net(labels)
    smoothing = _smoothing(net)
    surface = _placement(smoothing, np.asarray(ras_from_index, dtype=np.float64))
    for stage, pipeline in zip(STAGES, (net, surface), strict=True):
        on_stage(stage)
        pipeline.Update()
    result = surface.GetOutput()
    result.GetCellData().Initialize()  # names the label on each side, which is useless with one label
    return result


def _surface_net(labels: np.ndarray) -> Any:
    """Surface nets of the labels; a margin of one voxel closes the surface at the border of the grid."""
    from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

    net = vtkSurfaceNets3D()
    net.SetInputData(image_of(np.pad(np.asarray(labels, dtype=bool), 1).view(np.uint8)))
    net.SetValue(0, 1)
    net.SmoothingOff()
    return net


def _smoothing(net: Any) -> Any:
    from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

    smoothing = vtkWindowedSincPolyDataFilter()
    smoothing.SetInputConnection(net.GetOutputPort())
    smoothing.SetNumberOfIterations(ITERATIONS)
    smoothing.SetPassBand(PASS_BAND)
    smoothing.BoundarySmoothingOff()
    smoothing.FeatureEdgeSmoothingOff()
    smoothing.NonManifoldSmoothingOn()
    smoothing.NormalizeCoordinatesOn()
    return smoothing


def _placement(smoothing: Any, ras_from_index: np.ndarray) -> Any:
    """From padded indices to RAS, with the polygons reversed where that transform mirrors them."""
    from vtkmodules.vtkCommonTransforms import vtkTransform
    from vtkmodules.vtkFiltersCore import vtkReverseSense
    from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

    transform = vtkTransform()
    transform.SetMatrix(vtk_matrix(ras_from_index))
    transform.Translate(-1, -1, -1)  # the margin
    placed = vtkTransformPolyDataFilter()
    placed.SetTransform(transform)
    placed.SetInputConnection(smoothing.GetOutputPort())
    outward = vtkReverseSense()
    outward.SetReverseCells(bool(np.linalg.det(ras_from_index[:3, :3]) < 0))
    outward.ReverseNormalsOff()
    outward.SetInputConnection(placed.GetOutputPort())
    return outward


def write_surface(path: str | os.PathLike[str], surface: Any) -> None:
    """Write a vtkPolyData as uncompressed VTP, which is read quickly; raises FormatError if that fails."""
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
    """The vtkPolyData in a file that `write_surface` wrote; raises FormatError for another file."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    reader = vtkXMLPolyDataReader()
    if not reader.CanReadFile(os.fspath(path)):
        raise FormatError(f"{path}: not a surface that IXGS wrote; make it again")
    reader.SetFileName(os.fspath(path))
    reader.Update()
    return reader.GetOutput()
