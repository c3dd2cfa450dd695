"""The C-arm in a scene: where each X-ray's source and detector stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..geometry import Grid, View
from ..geometry.coverage import convergence
from ..geometry.rigid import Array, inverse
from ..geometry.rigid import apply as transformed
from .arrays import image_of
from .frames import flipped, flipped_points, pose_of, vtk_matrix
from .xrays import detector_depth, grey, read_view, write_view

if TYPE_CHECKING:
    from ..xray import XRay

MADE = "IXGS.CArm"
"""The attribute of every node of the C-arm; its value is the id of the view."""
FOLDER = "C-arm"
SOURCE_RADIUS = 8.0
"""mm of the ball that marks a source."""
PLAIN, CHOSEN = (0.55, 0.58, 0.60), (0.85, 0.33, 0.10)
"""Colours of a frame, and of the one that is looked at."""
FAINT = 0.15
"""Opacity of the other views while one is looked at."""


@dataclass(frozen=True)
class CArmNodes:
    """What shows one view.

    pose: a vtkMRMLLinearTransformNode, RAS from camera; the other two hang from it.
    detector: a vtkMRMLModelNode, the X-ray as a textured plane. frame: one with the source, the principal ray and the
    detector's edges.
    """

    view_id: str
    pose: Any
    detector: Any
    frame: Any


def show_c_arm(scene: Any, xrays: Sequence[XRay], grid: Grid | None = None) -> tuple[CArmNodes, ...]:
    """Draw source, detector and X-ray of every view in place; what was shown before is removed.

    grid: the region; a detector whose distance is unknown is shown behind its centre, by default behind the point where
    the principal rays meet. The picture on a detector is not part of a saved scene: show it again after loading one.
    """
    hide_c_arm(scene)
    return add_c_arm(scene, xrays, grid)


def add_c_arm(scene: Any, xrays: Sequence[XRay], grid: Grid | None = None) -> tuple[CArmNodes, ...]:
    """As `show_c_arm`, beside what is shown: view by view, so that Slicer need not wait for all of them."""
    if not xrays:
        return ()
    center = convergence([xray.view for xray in xrays]) if grid is None else grid.center
    shown = tuple(_add(scene, xray, detector_depth(xray.view, center)) for xray in xrays)
    _file(scene, shown)
    return shown


def hide_c_arm(scene: Any) -> None:
    """Remove all that `show_c_arm` added."""
    hierarchy = _hierarchy(scene)
    for kind in ("vtkMRMLModelNode", "vtkMRMLLinearTransformNode"):
        for node in [scene.GetNthNodeByClass(n, kind) for n in range(scene.GetNumberOfNodesByClass(kind))]:
            if node.GetAttribute(MADE) is not None:
                _remove(scene, hierarchy, node)
    folder = _folder(hierarchy)
    if folder and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def view_of_pose(pose: Any) -> View:
    """The view of a transform node of `show_c_arm` where it is now; raises FormatError for another node."""
    return replace(read_view(pose), world_from_camera=pose_of(pose))


def highlight(shown: Sequence[CArmNodes], view_id: str | None) -> None:
    """Put one view in colour and the others behind it; None shows all alike."""
    for nodes in shown:
        chosen = nodes.view_id == view_id
        opacity = 1.0 if chosen or view_id is None else FAINT
        for node in (nodes.detector, nodes.frame):
            node.GetDisplayNode().SetOpacity(opacity)
        nodes.frame.GetDisplayNode().SetColor(*(CHOSEN if chosen else PLAIN))


def look_through(camera: Any, view: View, depth: float | None = None) -> None:
    """Put a vtkMRMLCameraNode at the source of a view, looking along its principal ray and seeing all of its image.

    depth: mm from the source to what the camera turns around, by default halfway to the detector, or 500.
    """
    if depth is None:
        depth = 500.0 if view.source_detector_distance is None else view.source_detector_distance / 2
    top, bottom = -0.5 - view.K[1, 2], view.size[1] - 0.5 - view.K[1, 2]
    half = max(abs(top), abs(bottom)) / view.K[1, 1]
    camera.SetPosition(flipped_points(view.source).tolist())
    camera.SetFocalPoint(flipped_points(view.source + depth * view.axis).tolist())
    camera.SetViewUp(flipped_points(-view.world_from_camera[:3, 1]).tolist())
    camera.SetViewAngle(float(np.rad2deg(2 * np.arctan(half))))
    camera.ResetClippingRange()


def _add(scene: Any, xray: XRay, depth: float) -> CArmNodes:
    view = xray.view
    pose = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", f"{view.id} pose")
    pose.SetMatrixTransformToParent(vtk_matrix(flipped(view.world_from_camera)))
    write_view(pose, view)
    corners = _corners(view, depth)
    detector = _model(scene, f"{view.id} X-ray", _plane(corners), pose)
    _texture(detector.GetDisplayNode(), grey(xray))
    frame = _model(scene, f"{view.id} beam", _frame(corners, depth), pose)
    frame.GetDisplayNode().SetColor(*PLAIN)
    frame.GetDisplayNode().SetLineWidth(2)
    frame.GetDisplayNode().SetBackfaceCulling(True)  # a camera at the source looks out of the ball
    for node in (pose, detector, frame):
        node.SetAttribute(MADE, view.id)
    return CArmNodes(view.id, pose, detector, frame)


def _corners(view: View, depth: float) -> Array:
    """(4, 3) mm in the camera's frame: the corners of the image, top left, top right, bottom right, bottom left."""
    right, bottom = view.size[0] - 0.5, view.size[1] - 0.5
    world = view.backproject([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)], np.full(4, depth))
    return transformed(inverse(view.world_from_camera), world)


def _plane(corners: Array) -> Any:
    """A quadrilateral with texture coordinates: (0, 0) at the image's first pixel."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    plane = _polydata(corners)
    cells = vtk.vtkCellArray()
    cells.InsertNextCell(4, [0, 1, 2, 3])
    plane.SetPolys(cells)
    coordinates = numpy_to_vtk(np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=np.float32), deep=True)
    coordinates.SetName("TextureCoordinates")
    plane.GetPointData().SetTCoords(coordinates)
    return plane


def _frame(corners: Array, depth: float) -> Any:
    """A ball at the source, the principal ray as far as the detector, and the detector's edges."""
    import vtk

    lines = _polydata(np.concatenate([corners, [(0, 0, 0), (0, 0, depth)]]))
    cells = vtk.vtkCellArray()
    for path in ([0, 1, 2, 3, 0], [4, 5]):
        cells.InsertNextCell(len(path), path)
    lines.SetLines(cells)
    ball = vtk.vtkSphereSource()
    ball.SetRadius(SOURCE_RADIUS)
    ball.SetOutputPointsPrecision(vtk.vtkAlgorithm.DOUBLE_PRECISION)
    whole = vtk.vtkAppendPolyData()
    whole.SetOutputPointsPrecision(vtk.vtkAlgorithm.DOUBLE_PRECISION)
    whole.AddInputData(lines)
    whole.AddInputConnection(ball.GetOutputPort())
    whole.Update()
    return whole.GetOutput()


def _polydata(points: Array) -> Any:
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    where = vtk.vtkPoints()
    where.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float64), deep=True))
    polydata = vtk.vtkPolyData()
    polydata.SetPoints(where)
    return polydata


def _model(scene: Any, name: str, polydata: Any, pose: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", name)
    node.SetAndObservePolyData(polydata)
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(pose.GetID())
    return node


def _texture(display: Any, picture: np.ndarray) -> None:
    """Lay a picture (h, w) uint8 on a model, as bright as it is whatever the light."""
    import vtk

    source = vtk.vtkTrivialProducer()
    source.SetOutput(image_of(np.repeat(picture[None, ..., None], 3, axis=3)))
    display.SetTextureImageDataConnection(source.GetOutputPort())
    display.SetInterpolateTexture(True)
    display.SetBackfaceCulling(False)
    display.SetColor(1, 1, 1)
    display.SetAmbient(1)
    display.SetDiffuse(0)
    display.SetSpecular(0)


def _remove(scene: Any, hierarchy: Any, node: Any) -> None:
    """Take a node, what displays it and its place in the hierarchy out of the scene."""
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False, False)
    if node.IsA("vtkMRMLDisplayableNode"):
        for display in [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]:
            scene.RemoveNode(display)
    scene.RemoveNode(node)


def _hierarchy(scene: Any) -> Any:
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _folder(hierarchy: Any) -> int:
    """The item of the C-arm's folder, 0 when there is none."""
    return int(hierarchy.GetItemChildWithName(hierarchy.GetSceneItemID(), FOLDER))


def _file(scene: Any, shown: Sequence[CArmNodes]) -> None:
    """Put the nodes into one folder of the subject hierarchy, closed, so that they do not bury the others."""
    hierarchy = _hierarchy(scene)
    folder = _folder(hierarchy) or hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), FOLDER)
    hierarchy.SetItemExpanded(folder, False)
    for nodes in shown:
        for node in (nodes.pose, nodes.detector, nodes.frame):
            item = hierarchy.GetItemByDataNode(node)
            if item:
                hierarchy.SetItemParent(item, folder)
            else:
                hierarchy.CreateItem(folder, node)
