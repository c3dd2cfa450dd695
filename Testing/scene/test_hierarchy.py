"""Results of a case are found under one study of the subject hierarchy."""

import slicer

from IXGSLib.scene.hierarchy import place_beside, place_in_study


def parent_name(scene, node):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    return hierarchy.GetItemName(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)))


def test_nodes_of_one_case_come_under_one_study(scene):
    volume, other = (scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in "ab")
    study = place_in_study(scene, "L3", volume)
    assert place_in_study(scene, "L3", other) == study
    assert parent_name(scene, volume) == parent_name(scene, other) == "IXGS: L3"
    assert place_in_study(scene, "L4") != study


def test_a_node_that_the_user_has_moved_stays(scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "a")
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "mine")
    hierarchy.CreateItem(folder, volume)
    place_in_study(scene, "L3", volume)
    assert parent_name(scene, volume) == "mine"


def test_a_segmentation_comes_beside_its_volume(scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "a")
    bone = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "bone")
    hierarchy.CreateItem(hierarchy.GetSceneItemID(), bone)
    place_in_study(scene, "L3", volume)
    place_beside(scene, bone, volume)
    assert parent_name(scene, bone) == "IXGS: L3"
