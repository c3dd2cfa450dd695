"""Section 1: the source of the X-rays and the table of their views."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from IXGSLib.formats import load_case
from IXGSLib.formats.calibrations.matrices import write_matrices

VIEW = 0
"""Column of the table."""


def texts(ui, row):
    return [ui.viewsTable.item(row, column).text() for column in range(5)]


def test_an_empty_panel_says_what_to_do_first(ui):
    assert "Sample case" in ui.xraysMessage.text
    assert not ui.viewsTable.visible
    assert not ui.applyButton.enabled
    assert "section 1" in ui.applyButton.toolTip


def test_the_sample_case_fills_the_table(panel, ui, wait):
    ui.sampleCase.click()
    assert "Reading" in ui.xraysMessage.text or panel.selection.reading is None
    wait(lambda: panel.selection.reading is not None)
    assert ui.viewsTable.rowCount == 25
    assert texts(ui, 0) == ["000", "100° RAO\n0°", "98%", "Given", ""]
    assert not ui.viewsTable.item(0, VIEW).icon().isNull()
    assert "25 of 25 views" in ui.viewsSummary.text
    assert ui.applyButton.enabled


def test_the_path_opens_a_folder_dialog_and_a_button_opens_a_file_dialog(panel, ui, small_case, monkeypatch):
    import ctk
    import qt

    assert not ui.casePath.filters & ctk.ctkPathLineEdit.Files  # with Files, CTK would only offer files
    answers = [str(small_case / "case.json"), ""]
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_: answers.pop(0))
    for _ in range(2):  # the second time the dialog is cancelled
        ui.chooseFile.click()
        assert ui.casePath.currentPath == panel.parameters.casePath == str(small_case / "case.json")
    assert not panel.xrays.needs_calibration
    ui.source.currentIndex = 1
    assert not ui.chooseFile.visible


def test_clearing_a_path_clears_its_parameter(panel, ui):
    for name in ("casePath", "calibrationPath", "weights"):
        getattr(ui, name).currentPath = "a"
        assert getattr(panel.parameters, name) == "a"
        getattr(ui, name).currentPath = ""
        assert getattr(panel.parameters, name) != "a"
        assert not list(getattr(ui, name).nameFilters or ())


def test_unticking_a_view_leaves_it_out(read, ui):
    import qt

    item = ui.viewsTable.item(2, VIEW)
    item.setCheckState(qt.Qt.Unchecked)
    assert json.loads(read.parameters.leftOut) == [item.text()]
    assert read.selection.leave_out_arguments() == ["--leave-out", item.text()]
    assert f"{ui.viewsTable.rowCount - 1} of" in ui.viewsSummary.text
    item.setCheckState(qt.Qt.Checked)
    assert read.selection.leave_out_arguments() == []


def test_apply_needs_two_views(read, ui):
    import qt

    for row in range(1, ui.viewsTable.rowCount):
        ui.viewsTable.item(row, VIEW).setCheckState(qt.Qt.Unchecked)
    assert not ui.applyButton.enabled
    assert "two views" in ui.applyButton.toolTip


def test_images_without_poses_need_a_calibration(panel, ui, wait, small_case, tmp_path):
    case = load_case(small_case)
    images = tmp_path / "images"
    images.mkdir()
    for view in json.loads((small_case / "case.json").read_text())["views"]:
        shutil.copy(small_case / view["image"], images / f"{view['id']}.tiff")
    write_matrices(tmp_path / "matrices.csv", case.views)
    panel.parameters.casePath = str(images)
    assert ui.calibrationWidget.visible
    assert "calibration" in ui.xraysMessage.text
    panel.parameters.pixelValues = "line_integral"
    panel.parameters.calibrationPath = str(tmp_path / "matrices.csv")
    wait(lambda: panel.selection.reading is not None or panel.xrays.problem)
    assert not panel.xrays.problem
    assert [xray.id for xray in panel.selection.reading.xrays] == [view.id for view in case.views]
    assert "--calibration" in panel.selection.options


def test_format_and_unit_of_a_calibration_become_options(panel, ui, tmp_path):
    (tmp_path / "images").mkdir()
    panel.parameters.casePath = str(tmp_path / "images")
    panel.parameters.calibrationPath = str(tmp_path / "poses.txt")
    assert "--calibration-format" not in panel.xrays.image_options()
    assert "--unit" not in panel.xrays.image_options()
    panel.parameters.calibrationFormat, panel.parameters.calibrationUnit = "astra", "cm"
    words = panel.xrays.image_options()
    assert words[words.index("--calibration-format") + 1] == "astra"
    assert words[words.index("--unit") + 1] == "cm"
    assert "ASTRA" in ui.calibrationFormat.currentText
    assert ui.calibrationUnit.currentText == "Centimeters"


@pytest.mark.parametrize("content", ["", "{}", '{"format": "ixgs-case", "version": 99}'])
def test_the_reason_why_a_case_cannot_be_read_is_shown(panel, ui, wait, tmp_path, content):
    (tmp_path / "case.json").write_text(content)
    panel.parameters.casePath = str(tmp_path)
    wait(lambda: panel.xrays.problem)
    assert "cannot be used" in ui.xraysMessage.text
    assert not ui.applyButton.enabled
    assert not ui.viewsTable.visible


def test_a_path_that_does_not_exist_is_a_message(panel, ui, tmp_path):
    panel.parameters.casePath = str(tmp_path / "none")
    assert "nothing at this path" in ui.xraysMessage.text


def test_show_c_arm_draws_the_c_arm_of_every_used_view(read, ui, wait):
    import qt
    import slicer

    from IXGSLib.scene.c_arm import VIEW_ID

    def shown():
        nodes = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
        return {node.GetAttribute(VIEW_ID) for node in nodes} - {None}

    ids = {xray.id for xray in read.selection.reading.xrays}
    layout = slicer.app.layoutManager()
    resets = layout.resets
    ui.showCArm.click()
    wait(lambda: shown() == ids)
    wait(lambda: layout.resets == resets + 1)  # the C-arm may be out of sight
    ui.viewsTable.item(2, VIEW).setCheckState(qt.Qt.Unchecked)
    wait(lambda: len(shown()) == len(ids) - 1)
    wait(lambda: not read.c_arm._draw_soon.isActive())
    assert layout.resets == resets + 1
    ui.viewsTable.selectRow(1)
    ui.showCArm.click()
    wait(lambda: not shown())


def test_the_c_arm_is_not_saved_with_the_scene(read, ui, wait, tmp_path):
    import slicer

    from IXGSLib.scene.c_arm import VIEW_ID

    count = len(read.selection.used)

    def drawn():
        return [n for n in slicer.util.getNodesByClass("vtkMRMLLinearTransformNode") if n.GetAttribute(VIEW_ID)]

    ui.showCArm.click()
    wait(lambda: len(drawn()) == count)
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    with zipfile.ZipFile(tmp_path / "scene.mrb") as bundle:
        names = [Path(name).name for name in bundle.namelist()]
        assert not [name for name in names if name.endswith((".vtk", ".vtp", ".h5", ".tfm"))]
        text = bundle.read(next(name for name in bundle.namelist() if name.endswith(".mrml"))).decode()
    assert not re.search(r"<(Model|LinearTransform|ModelDisplay)\s", text)
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"), True)
    wait(lambda: len(drawn()) == count)  # drawn again


def test_looking_through_an_x_ray_can_be_undone(read, ui):
    import slicer

    cameras = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode") for _ in range(2)]
    for number, camera in enumerate(cameras):
        camera.SetLayoutName(str(number + 1))
        camera.SetViewAngle(30)
        camera.SetPosition(5, 6, 700)
    ui.lookThrough.click()
    assert cameras[0].GetViewAngle() < 29
    assert cameras[1].GetViewAngle() == 30
    first = cameras[0].GetPosition()
    ui.viewsTable.selectRow(2)
    assert cameras[0].GetPosition() != first
    ui.lookThrough.click()
    assert (cameras[0].GetViewAngle(), cameras[0].GetPosition()) == (30, (5, 6, 700))
    ui.lookThrough.click()
    read.parameters.casePath = ""
    assert not ui.lookThrough.checked
    assert cameras[0].GetViewAngle() == 30


def test_the_selected_x_ray_is_shown_below_the_table(read, ui):
    assert not ui.selectedPicture.pixmap.isNull()
    before = ui.selectedPicture.pixmap.toImage()
    ui.viewsTable.selectRow(3)
    assert ui.selectedPicture.pixmap.toImage() != before
    read.xrays.table.select_next(-1)
    assert read.selection.current.id == "002"
    for _ in range(4):
        read.xrays.table.select_next(1)
    assert read.selection.current.id == "000"  # the first follows the last


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
