"""The width of a pedicle in a label equals that of the mesh which the label was made from."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from IXGSLib.evaluation.tasks.landmarks import find_vertebra
from IXGSLib.evaluation.tasks.mask import Mask
from IXGSLib.geometry import Grid

vtk = pytest.importorskip("vtk")


def mesh(path, scale=1.0):
    """A mesh in metres (x forwards, y left, z up) as a vtkPolyData in LPS mm."""
    with gzip.open(path, "rt") as file:
        lines = [line.split() for line in file]
    vertices = np.array([line[1:4] for line in lines if line[:1] == ["v"]], dtype=float)
    faces = [[int(word.split("/")[0]) - 1 for word in line[1:]] for line in lines if line[:1] == ["f"]]
    points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
    for x, y, z in vertices * 1000 * scale:
        points.InsertNextPoint(y, -x, z)
    for face in faces:
        cells.InsertNextCell(len(face), face)
    surface = vtk.vtkPolyData()
    surface.SetPoints(points)
    surface.SetPolys(cells)
    return surface


def voxels(surface, spacing):
    """The voxels inside a closed surface."""
    bounds = np.array(surface.GetBounds()).reshape(3, 2)
    grid = Grid.centered(bounds.mean(axis=1), np.ptp(bounds, axis=1) + 6 * spacing, spacing)
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputData(surface)
    stencil.SetOutputOrigin(*grid.origin)
    stencil.SetOutputSpacing(*grid.spacing)
    ni, nj, nk = grid.shape[::-1]
    stencil.SetOutputWholeExtent(0, ni - 1, 0, nj - 1, 0, nk - 1)
    to_image = vtk.vtkImageStencilToImage()
    to_image.SetInputConnection(stencil.GetOutputPort())
    to_image.SetInsideValue(20)
    to_image.SetOutputScalarTypeToUnsignedChar()
    to_image.Update()
    from vtk.util.numpy_support import vtk_to_numpy

    scalars = to_image.GetOutput().GetPointData().GetScalars()
    return vtk_to_numpy(scalars).reshape(grid.shape), grid


def chord(surface, center, direction):
    """mm from a point inside to the surface, in a direction and against it, by exact intersection."""
    tree = vtk.vtkOBBTree()
    tree.SetDataSet(surface)
    tree.BuildLocator()
    ends = []
    for sign in (1, -1):
        points = vtk.vtkPoints()
        assert tree.IntersectWithLine(center, center + sign * 40 * direction, points, None) != 0
        ends.append(np.linalg.norm(np.array(points.GetPoint(0)) - center))
    return sum(ends)


@pytest.mark.parametrize(("level", "scale"), [("L1", 1.0), ("L4", 1.0), ("L4", 0.9)])
def test_pedicles_of_a_mesh_have_their_width(data, level, scale):
    surface = mesh(data / "mesh_lss_visible_human" / f"{level}.obj.gz", scale)
    vertebra = find_vertebra(Mask.of(*voxels(surface, 1.0), 20, level))
    for pedicle in vertebra.pedicles:  # within a voxel of the label
        assert pedicle.width == pytest.approx(chord(surface, pedicle.center, pedicle.across), abs=1.0)
    left, right = vertebra.pedicles
    assert left.width == pytest.approx(right.width, abs=1.5)  # the mesh is symmetric


def test_widths_scale_with_the_mesh(data):
    widths = []
    for scale in (1.0, 1.2):
        surface = mesh(data / "mesh_lss_visible_human" / "L3.obj.gz", scale)
        vertebra = find_vertebra(Mask.of(*voxels(surface, 1.2 * scale), 20, "L3"))
        widths.append(np.array([pedicle.width for pedicle in vertebra.pedicles]))
    assert widths[1] / widths[0] == pytest.approx([1.2, 1.2], rel=0.05)
