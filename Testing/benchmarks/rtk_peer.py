"""RTK as the maker of benchmark cases and as a peer: its Joseph projector and its reconstructions, at any poses."""

from __future__ import annotations

from collections.abc import Sequence

import itk
import numpy as np
from itk import RTK as rtk

from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import Array
from IXGSLib.volume import Volume

Image = itk.Image[itk.F, 3]


def geometry(views: Sequence[View], center: Array) -> object:
    """RTK's geometry of views that know their pixel spacing: source, first pixel and detector axes of each.

    RTK turns around the origin of its world, so positions are given from `center` (3,).
    """
    found = rtk.ThreeDCircularProjectionGeometry.New()
    for view in views:
        corner = view.backproject((0.0, 0.0), view.source_detector_distance)
        axes = view.world_from_camera[:3, :3]
        point, vector = itk.Point[itk.D, 3], itk.Vector[itk.D, 3]
        floats = [[float(x) for x in values] for values in (view.source - center, corner - center, *axes.T[:2])]
        found.AddProjection(point(floats[0]), point(floats[1]), vector(floats[2]), vector(floats[3]))
    return found


def project(volume: Volume, views: Sequence[View]) -> np.ndarray:
    """Line integrals (view, row, column) float32 by RTK's Joseph projector."""
    width, height = views[0].size
    forward = rtk.JosephForwardProjectionImageFilter[Image, Image].New()
    forward.SetInput(0, _stack(np.zeros((len(views), height, width), np.float32), views))
    forward.SetInput(1, _image(volume.values, volume.grid))
    forward.SetGeometry(geometry(views, volume.grid.center))
    forward.Update()
    return itk.array_from_image(forward.GetOutput())


def sart(images: np.ndarray, views: Sequence[View], grid: Grid, iterations: int = 10) -> Volume:
    """RTK's SART with Joseph's projector and positivity."""
    solver = rtk.SARTConeBeamReconstructionFilter[Image, Image].New()
    solver.SetForwardProjectionFilter(solver.ForwardProjectionType_FP_JOSEPH)
    solver.SetBackProjectionFilter(solver.BackProjectionType_BP_JOSEPH)
    solver.SetInput(0, _image(np.zeros(grid.shape, np.float32), grid))
    solver.SetInput(1, _stack(images, views))
    solver.SetGeometry(geometry(views, grid.center))
    solver.SetNumberOfIterations(iterations)
    solver.SetEnforcePositivity(True)
    # The detector's offset that RTK would weight for belongs to a scan of a full circle.
    solver.SetDisableDisplacedDetectorFilter(True)
    solver.Update()
    return Volume(itk.array_from_image(solver.GetOutput()), grid)


def _image(values: np.ndarray, grid: Grid) -> object:
    """An ITK image on a grid along the world's axes, placed from the grid's centre."""
    image = itk.image_from_array(np.ascontiguousarray(values, np.float32))
    image.SetSpacing(grid.spacing.tolist())
    image.SetOrigin((grid.origin - grid.center).tolist())
    return image


def _stack(images: np.ndarray, views: Sequence[View]) -> object:
    stack = itk.image_from_array(np.ascontiguousarray(images, np.float32))
    stack.SetSpacing([*views[0].pixel_spacing, 1.0])
    return stack
