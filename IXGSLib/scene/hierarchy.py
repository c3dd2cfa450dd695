"""The results of a case under one study in the subject hierarchy of a scene."""

from __future__ import annotations

from typing import Any

STUDY = "IXGS: {case}"
"""Name of the study of a case."""


def place_in_study(scene: Any, case: str, *nodes: Any) -> int:
    """Move nodes into the study of a case, which is made when there is none; returns its item.

    Nodes that the user has put elsewhere stay there.
    """
    hierarchy, name = _hierarchy(scene), STUDY.format(case=case)
    root = hierarchy.GetSceneItemID()
    study = hierarchy.GetItemChildWithName(root, name) or hierarchy.CreateStudyItem(root, name)
    for node in nodes:
        item = hierarchy.GetItemByDataNode(node)
        if not item:
            hierarchy.CreateItem(study, node)
        elif hierarchy.GetItemParent(item) == root:
            hierarchy.SetItemParent(item, study)
    return int(study)


def place_in_folder(scene: Any, case: str, name: str, *nodes: Any) -> int:
    """Move nodes into a new folder in the study of a case; returns its item."""
    hierarchy = _hierarchy(scene)
    folder = hierarchy.CreateFolderItem(place_in_study(scene, case), name)
    for node in nodes:
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.SetItemParent(item, folder)
        else:
            hierarchy.CreateItem(folder, node)
    return int(folder)


def place_beside(scene: Any, node: Any, other: Any) -> None:
    """Move a node to where another one is in the subject hierarchy, unless the user has put it elsewhere."""
    hierarchy = _hierarchy(scene)
    item, place = hierarchy.GetItemByDataNode(node), hierarchy.GetItemByDataNode(other)
    if place and not item:
        hierarchy.CreateItem(hierarchy.GetItemParent(place), node)
    elif place and hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID():
        hierarchy.SetItemParent(item, hierarchy.GetItemParent(place))


def _hierarchy(scene: Any) -> Any:
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
