"""X-rays that are loaded in the scene: their image nodes, their poses, and copies of both for a child process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from IXGSLib.steps import Steps

from .parameters import IXGSParameterNode
from .signal import Signal
from .state import PanelState

IMAGE, POSE = "IXGS.Image", "IXGS.Pose"
"""References from the parameter node to the image and transform nodes in the list."""
COPY_BYTES = 2**23
"""Bytes that are copied in one step, which takes a few milliseconds."""


class SceneImages:
    """The list of image nodes and their poses; `changed` is emitted when it changes."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.changed = Signal()
        ui.addImage.connect("clicked()", self.add)
        ui.clearImages.connect("clicked()", self.clear)
        for box in (ui.imageNode, ui.poseNode):
            box.connect("currentNodeChanged(vtkMRMLNode*)", self._on_node_chosen)
        self._on_node_chosen()

    def pairs(self) -> list[tuple[Any, Any]]:
        """(volume node, transform node) of each X-ray in the list."""
        return image_pose_pairs(self.state.parameters)

    def add(self) -> None:
        """Add the chosen image and pose to the list."""
        node = self.state.parameters.parameterNode
        count = node.GetNumberOfNodeReferences(IMAGE)
        node.SetNthNodeReferenceID(IMAGE, count, self.ui.imageNode.currentNode().GetID())
        node.SetNthNodeReferenceID(POSE, count, self.ui.poseNode.currentNode().GetID())
        self.changed.emit()

    def clear(self) -> None:
        """Empty the list."""
        node = self.state.parameters.parameterNode
        node.RemoveNodeReferenceIDs(IMAGE)
        node.RemoveNodeReferenceIDs(POSE)
        self.changed.emit()

    def copy_steps(self, folder: Path) -> Steps[None]:
        """Copy the pixels and poses of the list into a folder for the job read_images, step by step.

        Raises FormatError and GeometryError that name the node which cannot be used.
        """
        from IXGSLib.formats.geometry_json import view_as_json
        from IXGSLib.scene.xrays import Detector, view_and_pixels

        p, views = self.state.parameters, []
        detector, values = Detector(p.sourceDetector), p.sceneValues
        for number, (image, pose) in enumerate(self.pairs()):
            view, pixels = view_and_pixels(image, pose, detector)
            yield from write_steps(folder / f"{number:03d}.npy", pixels)
            views.append(view_as_json(view))
        (folder / "images.json").write_text(json.dumps({"views": views, "values": values}), encoding="utf-8")

    def _on_node_chosen(self, *_: Any) -> None:
        self.ui.addImage.enabled = None not in (self.ui.imageNode.currentNode(), self.ui.poseNode.currentNode())


def image_pose_pairs(parameters: IXGSParameterNode) -> list[tuple[Any, Any]]:
    """(volume node, transform node) of each X-ray in the list of a parameter node, where both still exist."""
    node = parameters.parameterNode
    rows = range(node.GetNumberOfNodeReferences(IMAGE))
    pairs = [(node.GetNthNodeReference(IMAGE, row), node.GetNthNodeReference(POSE, row)) for row in rows]
    return [pair for pair in pairs if None not in pair]


def write_steps(path: Path, array: np.ndarray) -> Steps[None]:
    """Write an array as NPY, some rows in each step."""
    file = np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=array.shape)
    rows = max(1, COPY_BYTES // array[0].nbytes)
    for first in range(0, len(array), rows):
        file[first : first + rows] = array[first : first + rows]
        yield
