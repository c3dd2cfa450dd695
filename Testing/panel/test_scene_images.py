"""X-rays in the scene: added as a sequence, and read from images and poses."""

import numpy as np
import pytest

from IXGSLib.formats import load_case


def sequences():
    import slicer

    return [slicer.util.getNodesByClass(f"vtkMRMLSequence{kind}Node") for kind in ("", "Browser")]


def test_x_rays_are_added_to_the_scene_as_a_sequence(read, ui, wait, harness):
    from IXGSLib.scene.xrays import xrays_of

    ui.addSequence.click()
    assert not ui.addSequence.enabled
    wait(lambda: ui.addSequence.enabled)
    (sequence,), (browser,) = sequences()
    found, expected = xrays_of(sequence), read.selection.xrays
    assert [xray.view.id for xray in found] == [xray.id for xray in expected]
    assert np.array_equal(found[1].image, expected[1].image)
    assert browser.GetProxyNode(sequence).GetDisplayNode().GetWindow() > 0
    assert max(harness.turns) < 0.1


def test_an_incomplete_sequence_is_removed_with_its_x_rays(read, ui):
    ui.addSequence.click()
    read.sequence._add_next()
    assert len(sequences()[0]) == 1
    read.parameters.casePath = ""
    assert sequences() == [[], []]
    assert ui.addSequence.enabled


@pytest.fixture
def in_scene(panel, ui, small_case):
    """The small case, whose X-rays are in the scene as images and poses, and in the list."""
    import slicer

    from IXGSLib.scene.frames import flipped, vtk_matrix

    scene, case = slicer.mrmlScene, load_case(small_case)
    panel.parameters.source = "scene"
    panel.parameters.sceneValues = "line_integral"
    panel.parameters.sourceDetector = case.views[0].source_detector_distance
    assert not ui.addImage.enabled
    for xray in case.xrays:
        node = slicer.util.addVolumeFromArray(xray.image[None], name=xray.view.id)
        node.SetSpacing(*xray.view.pixel_spacing, 1)
        pose = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", f"{xray.view.id} pose")
        pose.SetMatrixTransformToParent(vtk_matrix(flipped(xray.view.world_from_camera)))
        ui.imageNode.setCurrentNode(node)
        ui.poseNode.setCurrentNode(pose)
        ui.addImage.click()
    assert f"{len(case.xrays)} X-rays" in ui.xraysMessage.text
    return case


def test_the_list_of_x_rays_can_be_edited(in_scene, panel, ui):
    import slicer

    count = len(in_scene.xrays)
    names = [ui.imagesTable.item(row, 0).text() for row in range(ui.imagesTable.rowCount)]
    assert names == [view.id for view in in_scene.views]
    assert not ui.removeImages.enabled
    ui.imagesTable.selectRow(1)
    ui.poseNode.setCurrentNode(slicer.util.getNode("000 pose"))
    ui.setPose.click()
    assert ui.imagesTable.item(1, 1).text() == "000 pose"
    ui.imagesTable.selectRow(1)
    ui.removeImages.click()
    assert ui.imagesTable.rowCount == count - 1
    assert "001" not in [ui.imagesTable.item(row, 0).text() for row in range(count - 1)]
    assert f"{count - 1} X-rays" in ui.xraysMessage.text
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("002"))
    assert ui.imagesTable.rowCount == count - 2
    ui.clearImages.click()
    assert ui.imagesTable.rowCount == 0


def select_in_data(monkeypatch, *nodes):
    """Select nodes in the Data module."""
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    items = [node if isinstance(node, int) else hierarchy.GetItemByDataNode(node) for node in nodes]
    monkeypatch.setattr(slicer.qSlicerSubjectHierarchyPluginHandler, "selected", items)
    return hierarchy


def test_all_x_rays_of_a_folder_are_added_with_their_poses(in_scene, panel, ui, wait, monkeypatch):
    import slicer

    ui.clearImages.click()
    hierarchy = select_in_data(monkeypatch)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "X-rays")
    for view in in_scene.views:
        hierarchy.CreateItem(folder, slicer.util.getNode(view.id))
    select_in_data(monkeypatch, folder)
    ui.addSelected.click()
    ui.addSelected.click()  # those in the list are not added again
    assert ui.imagesTable.rowCount == len(in_scene.views)
    assert ui.imagesTable.item(2, 1).text() == "002 pose"
    ui.readImages.click()
    wait(lambda: panel.selection.reading is not None or panel.xrays.problem)
    assert not panel.xrays.problem


def test_an_x_ray_without_a_pose_is_named(in_scene, panel, ui, wait, monkeypatch):
    import slicer

    lost = slicer.util.addVolumeFromArray(np.ones((1, 30, 40), np.float32), name="lost")
    hierarchy = select_in_data(monkeypatch)
    hierarchy.CreateItem(hierarchy.GetSceneItemID(), lost)
    select_in_data(monkeypatch, lost)
    ui.addSelected.click()
    last = ui.imagesTable.rowCount - 1
    assert "set one" in ui.imagesTable.item(last, 1).text()
    ui.readImages.click()
    wait(lambda: panel.xrays.problem)
    assert "lost: no pose" in ui.xraysMessage.text


def test_a_sequence_that_ixgs_has_added_is_read_back(read, ui, wait, harness):
    ui.addSequence.click()
    wait(lambda: ui.addSequence.enabled)
    before = [xray.view.projection_matrix for xray in read.selection.xrays]
    ui.source.currentIndex = 1
    ui.imageNode.setCurrentNode(sequences()[0][0])
    ui.poseNode.setCurrentNode(None)
    assert ui.addImage.enabled
    ui.addImage.click()
    assert f"{len(before)} X-rays" in ui.xraysMessage.text
    assert "stored" in ui.imagesTable.item(0, 1).text()
    ui.readImages.click()
    wait(lambda: read.selection.reading is not None or read.xrays.problem)
    assert not read.xrays.problem
    for xray, matrix in zip(read.selection.xrays, before, strict=True):
        assert np.allclose(xray.view.projection_matrix, matrix, rtol=1e-6)


def test_the_open_field_of_x_rays_in_the_scene_is_used(in_scene, panel, ui, wait):
    import slicer

    panel.parameters.sceneValues, panel.parameters.sceneOpenField = "intensity", 2000.0
    for view, xray in zip(in_scene.views, in_scene.xrays, strict=True):
        slicer.util.updateVolumeFromArray(slicer.util.getNode(view.id), 2000 * np.exp(-xray.image[None]))
    ui.readImages.click()
    wait(lambda: panel.selection.reading is not None or panel.xrays.problem)
    assert not panel.xrays.problem
    found = load_case(panel.selection.case).xrays[0]
    assert np.allclose(found.image[found.mask], in_scene.xrays[0].image[found.mask], atol=1e-3)


def test_x_rays_in_the_scene_are_read_as_a_case(in_scene, panel, ui, wait):
    ui.readImages.click()
    assert "Reading" in ui.xraysMessage.text
    assert "being read" in ui.applyButton.toolTip
    wait(lambda: panel.selection.reading is not None or panel.xrays.problem)
    assert not panel.xrays.problem
    for xray, view in zip(panel.selection.reading.xrays, in_scene.views, strict=True):
        assert np.allclose(xray.view.projection_matrix, view.projection_matrix, rtol=1e-6)
    kept = load_case(panel.selection.case)
    for found, given in zip(kept.xrays, in_scene.xrays, strict=True):
        assert np.allclose(found.image[given.mask], given.image[given.mask], atol=1e-6)
    assert ui.applyButton.enabled


def test_an_error_of_the_child_process_about_them_is_shown(in_scene, panel, ui, wait):
    import slicer

    panel.parameters.sceneValues = "intensity"
    first = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")[0]
    slicer.util.updateVolumeFromArray(first, np.full((1, 30, 40), -1, np.float32))
    ui.readImages.click()
    wait(lambda: panel.xrays.problem)
    assert first.GetName() in ui.xraysMessage.text
    assert not ui.applyButton.enabled


def test_an_image_with_several_slices_is_refused_by_name(in_scene, panel, ui, wait):
    import slicer

    last = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")[-1]
    slicer.util.updateVolumeFromArray(last, np.zeros((3, 30, 40), np.float32))
    ui.readImages.click()
    wait(lambda: panel.xrays.problem)
    assert f"{last.GetName()}: 3 slices" in ui.xraysMessage.text
    assert not panel.selection.busy


def test_closing_the_scene_stops_copying_x_rays(in_scene, panel, ui, harness):
    import slicer

    ui.readImages.click()
    assert panel.xrays.reader.copying.busy
    slicer.mrmlScene.Clear(0)
    assert not panel.selection.busy
    harness.wait(lambda: False, 0.3)
    assert panel.selection.case is None
    assert not panel.xrays.reader.busy
