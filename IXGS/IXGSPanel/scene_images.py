"""X-rays that are in the scene already: which images, with which poses, and their pixels for a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from IXGSLib.steps import Steps

from .signal import Signal

if TYPE_CHECKING:
    from .panel import Panel


PART = 2**23
"""Bytes that are copied at a time: some milliseconds."""


class SceneImages:
    """The list of image nodes and their poses; `changed` tells that it is another one."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.changed = Signal()
        self.ui.addImage.connect("clicked()", self.add)
        self.ui.clearImages.connect("clicked()", self.clear)
        for box in (self.ui.imageNode, self.ui.poseNode):
            box.connect("currentNodeChanged(vtkMRMLNode*)", self._on_nodes)
        self._on_nodes()

    def pairs(self) -> list[tuple[Any, Any]]:
        """(volume node, transform node) of each X-ray in the list."""
        node = self.panel.parameters.parameterNode
        count = node.GetNumberOfNodeReferences("IXGS.Image")
        pairs = [[node.GetNthNodeReference(f"IXGS.{each}", n) for each in ("Image", "Pose")] for n in range(count)]
        return [(image, pose) for image, pose in pairs if None not in (image, pose)]

    def add(self) -> None:
        """Take the chosen image and pose into the list."""
        node = self.panel.parameters.parameterNode
        count = node.GetNumberOfNodeReferences("IXGS.Image")
        node.SetNthNodeReferenceID("IXGS.Image", count, self.ui.imageNode.currentNode().GetID())
        node.SetNthNodeReferenceID("IXGS.Pose", count, self.ui.poseNode.currentNode().GetID())
        self.changed.emit()

    def clear(self) -> None:
        """Empty the list."""
        node = self.panel.parameters.parameterNode
        node.RemoveNodeReferenceIDs("IXGS.Image")
        node.RemoveNodeReferenceIDs("IXGS.Pose")
        self.changed.emit()

    def copied(self, folder: Path) -> Steps[None]:
        """Copy the pixels and poses of the list for jobs/read_images.py, part by part.

        Raises FormatError and GeometryError that name a node that holds none.
        """
        from IXGSLib.scene.xrays import exposure_of, view_values

        p, views = self.panel.parameters, []
        distance, values = p.sourceDetector, p.sceneValues
        for number, (image, pose) in enumerate(self.pairs()):
            view, pixels = exposure_of(image, pose, source_detector_distance=distance)
            yield from written(folder / f"{number:03d}.npy", pixels)
            views.append(view_values(view))
        (folder / "images.json").write_text(json.dumps({"views": views, "values": values}), encoding="utf-8")

    def _on_nodes(self, *_: Any) -> None:
        self.ui.addImage.enabled = None not in (self.ui.imageNode.currentNode(), self.ui.poseNode.currentNode())


def written(path: Path, array: np.ndarray) -> Steps[None]:
    """Write an array as NPY, some rows at a time."""
    file = np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=array.shape)
    rows = max(1, PART // array[0].nbytes)
    for first in range(0, len(array), rows):
        file[first : first + rows] = array[first : first + rows]
        yield
