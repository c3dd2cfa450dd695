"""RTK's Joseph projector and its adjoint, between a lattice and views at any poses."""

from __future__ import annotations

from collections.abc import Sequence

import itk
import numpy as np
from itk import RTK as rtk

from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import Array

Image = itk.Image[itk.F, 3]


class Projector:
    """Line integrals [view, row, column] of values [k, j, i] on a grid, and the adjoint; both float32.

    RTK cuts a lattice at the centres of its border voxels: what lies there has to be padded with zeros.
    """

    def __init__(self, views: Sequence[View], grid: Grid) -> None:
        self.views, self.grid = list(views), grid
        self.geometry = geometry(views, grid.center)
        width, height = views[0].size
        self._no_stack = stack(np.zeros((len(views), height, width), np.float32), views)

    def forward(self, values: np.ndarray) -> np.ndarray:
        projector = rtk.JosephForwardProjectionImageFilter[Image, Image].New()
        return self._run(projector, self._no_stack, image(values, self.grid))

    def backward(self, images: np.ndarray) -> np.ndarray:
        projector = rtk.JosephBackProjectionImageFilter[Image, Image].New()
        nothing = image(np.zeros(self.grid.shape, np.float32), self.grid)
        return self._run(projector, nothing, stack(images, self.views))

    def _run(self, projector, added_to: object, source: object) -> np.ndarray:
        projector.SetInput(0, added_to)
        projector.SetInput(1, source)
        projector.SetGeometry(self.geometry)
        projector.InPlaceOff()  # or the next call would add to this one's result
        projector.Update()
        return itk.array_from_image(projector.GetOutput())


def geometry(views: Sequence[View], center: Array) -> object:
    """RTK's geometry of views that know their pixel spacing: source, first pixel and detector axes of each.

    RTK rotates about the origin of its world, so positions are given from `center` (3,).
    """
    found = rtk.ThreeDCircularProjectionGeometry.New()
    point, vector = itk.Point[itk.D, 3], itk.Vector[itk.D, 3]
    for view in views:
        assert view.source_detector_distance is not None, f"view '{view.id}' has no pixel spacing"
        corner = view.backproject((0.0, 0.0), view.source_detector_distance)
        places = [point((place - center).tolist()) for place in (view.source, corner)]
        axes = [vector(axis.tolist()) for axis in view.world_from_camera[:3, :2].T]
        if not found.AddProjection(*places, *axes):
            raise ValueError(f"RTK refuses the pose of view '{view.id}'")
    return found


def image(values: np.ndarray, grid: Grid) -> object:
    """An ITK image of values [k, j, i] on a grid, placed from the grid's centre as `geometry` is."""
    made = itk.image_from_array(np.ascontiguousarray(values, np.float32))
    made.SetSpacing(grid.spacing.tolist())
    made.SetOrigin((grid.origin - grid.center).tolist())
    made.SetDirection(itk.matrix_from_array(np.array(grid.direction)))
    return made


def stack(images: np.ndarray, views: Sequence[View]) -> object:
    """An ITK image of X-rays [view, row, column], its origin in the first pixel as in `geometry`."""
    made = itk.image_from_array(np.ascontiguousarray(images, np.float32))
    assert views[0].pixel_spacing is not None, "views have no pixel spacing"
    made.SetSpacing([*views[0].pixel_spacing, 1.0])
    return made
