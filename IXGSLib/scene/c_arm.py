"""The C-arm in a scene: the source and the detector of each X-ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..geometry import Grid, View
from ..geometry.coverage import convergence
from ..geometry.rigid import Array, inverse
from ..geometry.rigid import apply as transformed
from .arrays import image_of
from .frames import flipped, flipped_points, pose_of, vtk_matrix
from .xrays import detector_depth, read_view, write_view

if TYPE_CHECKING:
    from ..xray import XRay

VIEW_ID = "IXGS.CArm"
"""Attribute of every node of the C-arm: the id of the view."""
FOLDER = "C-arm"
SOURCE_RADIUS = 8.0
"""Radius in mm of the sphere that marks a source."""
COLOUR, HIGHLIGHT_COLOUR = (0.55, 0.58, 0.60), (0.85, 0.33, 0.10)
"""Colours of the frames, and of the frame that is highlighted."""
GIVEN_COLOUR = (0.0, 0.62, 0.32)
"""Colour of what shows a given pose beside the final one."""
FADED_OPACITY = 0.15
"""Opacity of the other views while one is highlighted."""


@dataclass(frozen=True)
class CArmNodes:
    """The nodes of one view.

    pose: a vtkMRMLLinearTransformNode, RAS from camera; the parent transform of the others.
    detector: a vtkMRMLModelNode, the X-ray as a textured plane. frame: a vtkMRMLModelNode with the source, the
    principal ray and the edges of the detector. move: a vtkMRMLModelNode with the source and the edges of the detector
    at the given pose, and lines from there to the pose; None where no given pose is shown.
    """

    view_id: str
    pose: Any
    detector: Any
    frame: Any
    move: Any = None

    @property
    def models(self) -> tuple[Any, ...]:
        return (self.detector, self.frame) if self.move is None else (self.detector, self.frame, self.move)

    @property
    def nodes(self) -> tuple[Any, ...]:
        return (self.pose, *self.models)


NO_VIEWS: Mapping[str, View] = {}


def show_c_arm(
    scene: Any,
    xrays: Sequence[XRay],
    grid: Grid | None = None,
    saved: bool = True,
    given: Mapping[str, View] = NO_VIEWS,
) -> tuple[CArmNodes, ...]:
    """Draw source, detector and X-ray of every view at its pose, in place of what was drawn before.

    grid: the region; a detector at an unknown distance is drawn behind the centre of the region, by default behind the
    point where the principal rays meet. saved: whether the nodes are saved with the scene, without the pictures on the
    detectors. given: the views before their poses were refined, by id, which are drawn beside the others.
    """
    hide_c_arm(scene)
    return add_c_arm(scene, xrays, grid, saved, given)


def add_c_arm(
    scene: Any,
    xrays: Sequence[XRay],
    grid: Grid | None = None,
    saved: bool = True,
    given: Mapping[str, View] = NO_VIEWS,
) -> tuple[CArmNodes, ...]:
    """As `show_c_arm`, in addition to what was drawn before, so that a caller can draw the views one by one."""
    if not xrays:
        return ()
    center = convergence([xray.view for xray in xrays]) if grid is None else grid.center
    shown = tuple(_add(scene, xray, center, given.get(xray.view.id)) for xray in xrays)
    _group_in_folder(scene, shown)
    for nodes in shown:
        for node in nodes.nodes:
            node.SetSaveWithScene(saved)
        for model in nodes.models:
            model.GetDisplayNode().SetSaveWithScene(saved)
    return shown


def hide_c_arm(scene: Any) -> None:
    """Remove everything that `show_c_arm` has added."""
    hierarchy = _hierarchy(scene)
    for kind in ("vtkMRMLModelNode", "vtkMRMLLinearTransformNode"):
        for node in [scene.GetNthNodeByClass(n, kind) for n in range(scene.GetNumberOfNodesByClass(kind))]:
            if node.GetAttribute(VIEW_ID) is not None:
                _remove(scene, hierarchy, node)
    folder = _folder(hierarchy)
    if folder and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def view_of_pose(pose: Any) -> View:
    """The view of a transform node of `show_c_arm` at its current pose; raises FormatError for another node."""
    return replace(read_view(pose), world_from_camera=pose_of(pose))


def highlight(shown: Sequence[CArmNodes], view_id: str | None) -> None:
    """Show one view in colour and fade the others; None shows all of them alike."""
    for nodes in shown:
        chosen = nodes.view_id == view_id
        opacity = 1.0 if chosen or view_id is None else FADED_OPACITY
        for node in nodes.models:
            node.GetDisplayNode().SetOpacity(opacity)
        nodes.frame.GetDisplayNode().SetColor(*(HIGHLIGHT_COLOUR if chosen else COLOUR))


def look_through(camera: Any, view: View, depth: float | None = None) -> None:
    """Place a vtkMRMLCameraNode at the source of a view, along its principal ray, with its whole image in sight.

    depth: mm from the source to the focal point, by default halfway to the detector, or 500 if that is unknown.
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


def _add(scene: Any, xray: XRay, center: Array, given: View | None) -> CArmNodes:
    from ..xray.windowing import grey_picture

    view, depth = xray.view, detector_depth(xray.view, center)
    pose = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", f"{view.id} pose")
    pose.SetMatrixTransformToParent(vtk_matrix(flipped(view.world_from_camera)))
    write_view(pose, view)
    corners = _corners(view, depth)
    detector = _model(scene, f"{view.id} X-ray", _plane(corners), pose)
    _set_texture(detector.GetDisplayNode(), grey_picture(xray.image, xray.mask))
    frame = _model(scene, f"{view.id} beam", _frame(corners, depth), pose)
    _set_lines(frame.GetDisplayNode(), COLOUR)
    move = None
    if given is not None:
        earlier = _corners(given, detector_depth(given, center))
        camera_from_given = inverse(view.world_from_camera) @ given.world_from_camera
        move = _model(scene, f"{view.id} move", _move(earlier, corners, camera_from_given), pose)
        _set_lines(move.GetDisplayNode(), GIVEN_COLOUR)
    nodes = CArmNodes(view.id, pose, detector, frame, move)
    for node in nodes.nodes:
        node.SetAttribute(VIEW_ID, view.id)
    return nodes


def _corners(view: View, depth: float) -> Array:
    """(4, 3) mm in the camera frame: the image's top left, top right, bottom right and bottom left corners."""
    right, bottom = view.size[0] - 0.5, view.size[1] - 0.5
    world = view.backproject([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)], np.full(4, depth))
    return transformed(inverse(view.world_from_camera), world)


def _plane(corners: Array) -> Any:
    """A quadrilateral whose texture coordinates are (0, 0) at the first pixel of the image."""
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
    """A sphere at the source, the principal ray up to the detector, and the edges of the detector."""
    points = np.concatenate([corners, [(0, 0, 0), (0, 0, depth)]])
    return _with_sphere(_lines(points, ([0, 1, 2, 3, 0], [4, 5])), np.zeros(3))


def _move(given: Array, corners: Array, camera_from_given: Array) -> Any:
    """Source and detector at a given pose, with lines from each corner and from the source to the final pose.

    given, corners: (4, 3) mm, the corners of the detector, each in its own camera frame.
    """
    there = transformed(camera_from_given, np.concatenate([given, np.zeros((1, 3))]))
    points = np.concatenate([there, corners, np.zeros((1, 3))])
    return _with_sphere(_lines(points, ([0, 1, 2, 3, 0], *([n, n + 5] for n in range(5)))), there[4])


def _lines(points: Array, paths: Sequence[Sequence[int]]) -> Any:
    """Lines along points (n, 3) with the numbers in each path."""
    import vtk

    lines = _polydata(points)
    cells = vtk.vtkCellArray()
    for path in paths:
        cells.InsertNextCell(len(path), path)
    lines.SetLines(cells)
    return lines


def _with_sphere(lines: Any, center: Array) -> Any:
    """Lines and the sphere of a source."""
    import vtk

    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(SOURCE_RADIUS)
    sphere.SetCenter(*center.tolist())
    sphere.SetOutputPointsPrecision(vtk.vtkAlgorithm.DOUBLE_PRECISION)
    both = vtk.vtkAppendPolyData()
    both.SetOutputPointsPrecision(vtk.vtkAlgorithm.DOUBLE_PRECISION)
    both.AddInputData(lines)
    both.AddInputConnection(sphere.GetOutputPort())
    both.Update()
    return both.GetOutput()


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


def _set_lines(display: Any, colour: tuple[float, float, float]) -> None:
    display.SetColor(*colour)
    display.SetLineWidth(2)
    display.SetBackfaceCulling(True)  # so that a camera at the source can look out of the sphere


def _set_texture(display: Any, picture: np.ndarray) -> None:
    """Show a (rows, columns) uint8 picture on a model, with the same brightness in any light."""
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
    """Remove a node, its display nodes and its item in the hierarchy from the scene."""
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
    """The item of the folder of the C-arm, 0 if there is none."""
    return int(hierarchy.GetItemChildWithName(hierarchy.GetSceneItemID(), FOLDER))


def _group_in_folder(scene: Any, shown: Sequence[CArmNodes]) -> None:
    """Put the nodes into one collapsed folder of the subject hierarchy, so that they do not hide the others."""
    hierarchy = _hierarchy(scene)
    folder = _folder(hierarchy) or hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), FOLDER)
    hierarchy.SetItemExpanded(folder, False)
    for nodes in shown:
        for node in nodes.nodes:
            item = hierarchy.GetItemByDataNode(node)
            if item:
                hierarchy.SetItemParent(item, folder)
            else:
                hierarchy.CreateItem(folder, node)
