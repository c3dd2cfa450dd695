"""X-rays that the user has selected in the Data module, and the poses that belong to them."""

from __future__ import annotations

import re
from typing import Any

import slicer
import vtk


def selected_images() -> list[Any]:
    """The volume and sequence nodes that are selected in the subject hierarchy, alone or within selected folders."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    found: dict[str, Any] = {}
    for item in _selected_items():
        items = vtk.vtkIdList()
        hierarchy.GetItemChildren(item, items, True)
        for each in (item, *(items.GetId(n) for n in range(items.GetNumberOfIds()))):
            node = hierarchy.GetItemDataNode(each)
            if node is not None and _can_be_image(node):
                found[node.GetID()] = node
    return list(found.values())


def _selected_items() -> list[int]:
    items = vtk.vtkIdList()
    slicer.qSlicerSubjectHierarchyPluginHandler.instance().currentItems(items)
    return [items.GetId(n) for n in range(items.GetNumberOfIds())]


def _can_be_image(node: Any) -> bool:
    if node.IsA("vtkMRMLSequenceNode"):
        return node.GetNumberOfDataNodes() > 0 and node.GetNthDataNode(0).IsA("vtkMRMLScalarVolumeNode")
    return node.IsA("vtkMRMLScalarVolumeNode")


def pose_of_image(image: Any) -> Any:
    """The pose of an image: its parent transform, or the only transform or sequence of transforms with its name.

    "ap pose", "pose of ap" and "ap" are poses of "ap". None where there is no such node.
    """
    if image.IsA("vtkMRMLSequenceNode"):
        named = [node for node in _named_like(image, "vtkMRMLSequenceNode") if _holds_transforms(node)]
    else:
        parent = image.GetParentTransformNode()
        if parent is not None and parent.IsA("vtkMRMLLinearTransformNode"):
            return parent
        named = _named_like(image, "vtkMRMLLinearTransformNode")
    return named[0] if len(named) == 1 else None


def _holds_transforms(sequence: Any) -> bool:
    return sequence.GetNumberOfDataNodes() > 0 and sequence.GetNthDataNode(0).IsA("vtkMRMLLinearTransformNode")


def _named_like(image: Any, kind: str) -> list[Any]:
    return [
        node
        for node in slicer.util.getNodesByClass(kind)
        if node is not image and _core_name(node.GetName()) == _core_name(image.GetName())
    ]


def _core_name(name: str) -> str:
    """A name without the words for pose, X-ray and image."""
    words = re.split(r"[\W_]+", name.lower())
    return " ".join(w for w in words if w not in ("", "pose", "poses", "of", "transform", "xray", "ray", "x", "image"))
