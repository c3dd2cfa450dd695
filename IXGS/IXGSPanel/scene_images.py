"""X-rays that are loaded in the scene: the list of image nodes and poses, and copies of both for a child process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import qt
from slicer.i18n import tr as _

from IXGSLib.errors import FormatError
from IXGSLib.steps import Steps

from .parameters import IXGSParameterNode
from .scene_items import pose_of_image, selected_images
from .signal import Signal
from .state import PanelState

IMAGE, POSE = "IXGS.Image", "IXGS.Pose"
"""References from the parameter node to the image and pose nodes in the list, or to sequences of them."""
COPY_BYTES = 2**23
"""Bytes that are copied in one step, which takes a few milliseconds."""


class SceneImages:
    """The list of image nodes and their poses; `changed` is emitted when it changes."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.changed = Signal()
        ui.addImage.connect("clicked()", self.add)
        ui.addSelected.connect("clicked()", self.add_selected)
        ui.removeImages.connect("clicked()", self.remove)
        ui.setPose.connect("clicked()", self.set_pose)
        ui.clearImages.connect("clicked()", self.clear)
        ui.imagesTable.connect("itemSelectionChanged()", self._enable)
        ui.imagesTable.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        for box in (ui.imageNode, ui.poseNode):
            box.connect("currentNodeChanged(vtkMRMLNode*)", self._enable)
        self._enable()

    def rows(self) -> list[tuple[Any, Any]]:
        """(image or sequence node, pose or sequence node or None) of each row of the list."""
        return listed_nodes(self.state.parameters)

    def pairs(self) -> list[tuple[Any, Any]]:
        """(image, pose) of each X-ray in the list; raises FormatError that names a row which cannot be used."""
        return image_pose_pairs(self.state.parameters)

    def count(self) -> int:
        """The number of X-rays in the list."""
        return sum(length_of(image) for image, _pose in self.rows())

    # Editing

    def add(self) -> None:
        """Add the chosen image and pose to the list."""
        self._write([*self.rows(), (self.ui.imageNode.currentNode(), self.ui.poseNode.currentNode())])

    def add_selected(self) -> None:
        """Add every image that is selected in the Data module and not yet in the list."""
        rows = self.rows()
        known = {image.GetID() for image, _pose in rows}
        added = [(node, pose_of_image(node)) for node in selected_images() if node.GetID() not in known]
        self._write([*rows, *added])

    def remove(self) -> None:
        """Remove the selected rows."""
        selected = self._selected_rows()
        self._write([pair for row, pair in enumerate(self.rows()) if row not in selected])

    def set_pose(self) -> None:
        """Give the selected rows the chosen pose."""
        selected, pose = self._selected_rows(), self.ui.poseNode.currentNode()
        self._write([(image, pose if row in selected else old) for row, (image, old) in enumerate(self.rows())])

    def clear(self) -> None:
        """Empty the list."""
        self._write([])

    def _write(self, rows: list[tuple[Any, Any]]) -> None:
        node = self.state.parameters.parameterNode
        changes = node.StartModify()
        for role in (IMAGE, POSE):
            node.RemoveNodeReferenceIDs(role)
        for row, (image, pose) in enumerate(rows):
            node.SetNthNodeReferenceID(IMAGE, row, image.GetID())
            node.SetNthNodeReferenceID(POSE, row, (image if pose is None else pose).GetID())
        node.EndModify(changes)
        self.show()
        self.changed.emit()

    def _selected_rows(self) -> set[int]:
        return {index.row() for index in self.ui.imagesTable.selectionModel().selectedRows()}

    # Showing

    def show(self) -> None:
        """Show the list in the table."""
        table, rows = self.ui.imagesTable, self.rows()
        table.setRowCount(len(rows))
        for row, (image, pose) in enumerate(rows):
            name = image.GetName()
            if image.IsA("vtkMRMLSequenceNode"):
                name = _("{name} ({count} X-rays)").format(name=name, count=length_of(image))
            shown = _("stored with the X-ray") if pose is None and has_view(image) else _("none: set one")
            for column, text in enumerate((name, shown if pose is None else pose.GetName())):
                table.setItem(row, column, qt.QTableWidgetItem(text))
        self._enable()

    def _enable(self, *_args: Any) -> None:
        ui = self.ui
        image, pose = ui.imageNode.currentNode(), ui.poseNode.currentNode()
        chosen = bool(self._selected_rows())
        ui.addImage.enabled = image is not None and (pose is not None or has_view(image))
        ui.removeImages.enabled = chosen
        ui.setPose.enabled = chosen and pose is not None
        ui.clearImages.enabled = ui.imagesTable.rowCount > 0

    def copy_steps(self, folder: Path) -> Steps[None]:
        """Copy the pixels and poses of the list into a folder for the job read_images, step by step.

        Raises FormatError and GeometryError that name the node which cannot be used.
        """
        from IXGSLib.formats.geometry_json import view_as_json
        from IXGSLib.scene.xrays import Detector, stored_view_and_pixels, view_and_pixels

        p, views = self.state.parameters, []
        detector = Detector(p.sourceDetector)
        for number, (image, pose) in enumerate(self.pairs()):
            view, pixels = stored_view_and_pixels(image) if pose is None else view_and_pixels(image, pose, detector)
            yield from write_steps(folder / f"{number:03d}.npy", pixels)
            own = (
                {"values": "line_integral"}
                if pose is None
                else {"values": p.sceneValues, "i0": p.sceneOpenField or None}
            )
            views.append({"view": view_as_json(view), **own})
        (folder / "images.json").write_text(json.dumps({"views": views}), encoding="utf-8")


def listed_nodes(parameters: IXGSParameterNode) -> list[tuple[Any, Any]]:
    """The rows of the list of a parameter node whose image still exists; the pose is None where there is none."""
    node = parameters.parameterNode
    count = node.GetNumberOfNodeReferences(IMAGE)
    pairs = [(node.GetNthNodeReference(IMAGE, row), node.GetNthNodeReference(POSE, row)) for row in range(count)]
    return [(image, None if pose is image else pose) for image, pose in pairs if image is not None]


def image_pose_pairs(parameters: IXGSParameterNode) -> list[tuple[Any, Any]]:
    """(image, pose) of each X-ray in the list, those of sequences one by one; None for the pose that an image stores.

    Raises FormatError for a row without a pose and for sequences of unequal length.
    """
    return [pair for image, pose in listed_nodes(parameters) for pair in _pairs_of_row(image, pose)]


def _pairs_of_row(image: Any, pose: Any) -> list[tuple[Any, Any]]:
    if pose is None and not has_view(image):
        raise FormatError(
            f"{image.GetName()}: no pose, expected a transform; select its row, choose one and press Set pose"
        )
    images = items_of(image)
    if pose is None:
        return [(each, None) for each in images]
    poses = items_of(pose)
    if len(images) != len(poses):
        raise FormatError(
            f"{image.GetName()}: {len(images)} X-rays, but {len(poses)} poses in {pose.GetName()}, expected as many; "
            "choose the sequence of transforms that belongs to it"
        )
    return list(zip(images, poses, strict=True))


def items_of(node: Any) -> list[Any]:
    """The nodes in a sequence, or the node itself."""
    if node.IsA("vtkMRMLSequenceNode"):
        return [node.GetNthDataNode(n) for n in range(node.GetNumberOfDataNodes())]
    return [node]


def length_of(node: Any) -> int:
    return node.GetNumberOfDataNodes() if node.IsA("vtkMRMLSequenceNode") else 1


def has_view(node: Any) -> bool:
    """Whether IXGS has added the image or all images of the sequence to the scene, with their views."""
    from IXGSLib.scene.xrays import VIEW

    items = items_of(node)
    return bool(items) and all(each.GetAttribute(VIEW) is not None for each in items)


def write_steps(path: Path, array: np.ndarray) -> Steps[None]:
    """Write an array as NPY, some rows in each step."""
    file = np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=array.shape)
    rows = max(1, COPY_BYTES // array[0].nbytes)
    for first in range(0, len(array), rows):
        file[first : first + rows] = array[first : first + rows]
        yield
