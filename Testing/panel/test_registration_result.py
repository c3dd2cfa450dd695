"""Section 6: the result of a registration, in the table, in 3D and over the X-rays."""

import json
import shutil

import numpy as np
import pytest

from IXGSLib.geometry.rigid import apply
from Testing.panel import spine
from Testing.panel.registrations import cells, picture, transforms
from Testing.registration import phantom


def test_verdicts_are_shown_in_a_table(registered, ui):
    motion = registered.registration.result.record.motion("L1")
    assert cells(ui, 0) == ["L1", "Verified", "0.4 mm", f"{motion.rotation:.1f}° {motion.shift:.1f} mm"]
    assert cells(ui, 3) == ["L4", "Not verified", "0.4 mm", ""]
    assert ui.vertebraeTable.item(3, 1).font().bold()
    assert "3 of 4 vertebrae are verified" in ui.registrationMessage.text
    assert "Restarts end 3.0 mm apart" in ui.vertebraMessage.text  # the first that is not verified is selected
    tip = ui.vertebraeTable.item(0, 0).toolTip()
    assert "Residual 0.08" in tip
    assert f"flexion {motion.flexion:.1f}°" in tip
    ui.vertebraeTable.selectRow(1)
    assert ui.vertebraMessage.text.startswith("<b>L2 is verified.</b>")
    assert "against L3" in ui.vertebraMessage.text
    ui.vertebraeTable.selectRow(2)
    assert ui.vertebraMessage.text == "<b>L3 is verified.</b>"  # L4 below is not
    assert cells(ui, 2)[3] == ""


def test_the_selected_vertebra_is_highlighted_in_3d(registered, ui):
    import slicer

    from IXGSLib.scene.bone import COLOUR
    from IXGSLib.scene.registrations import HIGHLIGHT_COLOUR, vertebrae_of

    ui.vertebraeTable.selectRow(1)
    color = {
        name: nodes.model.GetDisplayNode().GetColor
        for name, nodes in vertebrae_of(registered.parameters.registration).items()
    }
    assert color["L2"]() == pytest.approx(HIGHLIGHT_COLOUR)
    assert color["L1"]() == pytest.approx(COLOUR)
    registered.parameters.registration = None
    assert color["L2"]() == pytest.approx(COLOUR)
    assert "no registration yet" in ui.registrationMessage.text
    assert not ui.vertebraeTable.visible
    assert not ui.outlined.visible
    assert slicer.app.layoutManager().resets > 0


def test_outlines_are_drawn_over_the_x_rays(registered, ui):
    ui.vertebraeTable.selectRow(0)
    first = picture(ui.outlined)
    ui.showOutlines.checked = False
    plain = picture(ui.outlined)
    assert np.ptp(plain, axis=2).max() == 0  # grey
    assert np.ptp(first, axis=2).max() > 60
    ui.showOutlines.checked = True
    assert np.array_equal(picture(ui.outlined), first)
    ui.vertebraeTable.selectRow(2)
    assert not np.array_equal(picture(ui.outlined), first)
    ui.outlinedView.currentIndex = 1
    assert not np.array_equal(picture(ui.outlined), first)


def test_outlines_lie_where_the_vertebrae_are(registered, ui):
    """The green of L3 lies around the projection of L3."""
    ui.vertebraeTable.selectRow(2)
    shown, view = picture(ui.outlined), phantom.case(2).views[0]
    wanted = np.array([0x73, 0x9E, 0x00])  # blue, green, red of its colour
    rows, columns = np.nonzero(np.abs(shown.astype(int) - wanted).max(axis=2) < 40)
    pixels, _ = view.project(apply(phantom.motions()[22], phantom.points(22)))
    scale = shown.shape[1] / view.size[0]
    low, high = (pixels.min(axis=0) + 0.5) * scale, (pixels.max(axis=0) + 0.5) * scale
    assert abs(columns.min() - low[0]) < 8
    assert abs(rows.min() - low[1]) < 8
    assert abs(rows.max() - high[1]) < 8


def test_an_x_ray_opens_large_with_its_outlines(registered, ui):
    from PySide6 import QtCore, QtTest

    QtTest.QTest.mouseClick(ui.outlined, QtCore.Qt.LeftButton)
    viewer = registered.registration.result.views.enlarger.viewer
    assert viewer.dialog.windowTitle == "000"
    assert "Dotted: not verified" in viewer.caption.text
    drawn = picture(viewer.picture)
    assert np.ptp(drawn, axis=2).max() > 60
    viewer.switch.checked = False
    assert np.ptp(picture(viewer.picture), axis=2).max() == 0
    viewer.step(1)
    assert viewer.dialog.windowTitle == "001"
    viewer.dialog.close()


def test_the_report_opens(registered, ui, stored_registration, monkeypatch):
    import qt

    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", opened.append)
    ui.openRegistrationReport.click()
    assert opened[0].toLocalFile() == str(stored_registration / "report.html")


def test_an_earlier_registration_is_chosen_by_its_folder(panel, ui, stored_registration, wait, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(stored_registration))
    ui.loadRegistration.click()
    wait(lambda: panel.parameters.registration is not None)
    assert ui.vertebraeTable.rowCount == 4
    assert ui.registration.currentNode() is panel.parameters.registration
    assert not ui.registrationButton.collapsed


def test_another_folder_is_a_message(panel, ui, wait, tmp_path, stored_registration):
    panel.registration.loading.load(tmp_path)
    wait(lambda: "no registration" in ui.registrationProblem.text)
    assert ui.loadRegistration.enabled
    assert panel.parameters.registration is None
    panel.registration.loading.load(stored_registration)
    wait(lambda: panel.parameters.registration is not None)
    assert not ui.registrationProblem.visible


def test_the_folder_of_a_registration_is_loaded_wherever_it_is_chosen(
    panel, ui, stored_registration, wait, monkeypatch
):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(stored_registration))
    ui.loadRun.click()
    wait(lambda: panel.parameters.registration is not None)
    assert not ui.registrationButton.collapsed
    assert ui.reviewButton.collapsed
    assert ui.vertebraeTable.rowCount == 4
    assert not ui.runMessage.visible


def test_a_run_is_loaded_wherever_its_folder_is_chosen(panel, ui, finished, wait):
    panel.registration.loading.load(finished)
    wait(lambda: panel.parameters.volume is not None)
    assert not ui.reviewButton.collapsed
    assert panel.parameters.registration is None
    assert ui.loadRegistration.enabled


def test_a_folder_of_folders_or_of_a_case_says_what_to_choose(panel, ui, stored_registration, finished, small_case):
    for loading, label, inner in (
        (panel.registration.loading, ui.registrationProblem, stored_registration),
        (panel.review.loading, ui.runMessage, finished),
    ):
        loading.load(inner.parent)
        assert label.text == f"Choose one of the folders in this one: {inner.name}."
        loading.load(small_case)
        assert "choose it in section 1" in label.text


def test_other_texts_of_the_scene_are_not_offered(registered, ui):
    import slicer

    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    assert [ui.registration._box.itemText(n) for n in range(ui.registration._box.count)] == ["None", "spine-ct"]


# Scenes


def test_a_saved_scene_shows_the_registration_without_its_folder(registered, ui, stored_registration, tmp_path, wait):
    import slicer

    copy = shutil.copytree(stored_registration, tmp_path / "copy")
    registered.parameters.registration.SetAttribute("IXGS.Run", str(copy))
    spine.add_screw()
    ui.plan.setCurrentNode(slicer.mrmlScene.GetFirstNodeByName("screw"))
    ui.vertebraeTable.selectRow(2)
    ui.movePlan.click()
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    shutil.rmtree(copy)
    slicer.mrmlScene.Clear(0)
    assert "no registration yet" in ui.registrationMessage.text
    assert ui.vertebraMessage.text == ""
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"), True)
    assert cells(ui, 3)[1] == "Not verified"
    assert "not on this computer" in ui.outlinesMessage.text
    assert not ui.outlined.visible
    assert not ui.openRegistrationReport.enabled
    plan = slicer.mrmlScene.GetFirstNodeByName("screw")
    assert plan.GetParentTransformNode() is transforms()["L3"]
    ui.plan.setCurrentNode(plan)
    assert ui.planMessage.text == "screw moves with L3."


def test_a_folder_of_another_registration_is_not_shown(registered, ui, stored_registration, tmp_path):
    copy = shutil.copytree(stored_registration, tmp_path / "copy")
    content = json.loads((copy / "outlines.json").read_text())
    content["views"][0]["id"] = "other"
    (copy / "outlines.json").write_text(json.dumps(content))
    node = registered.parameters.registration
    registered.parameters.registration = None
    node.SetAttribute("IXGS.Run", str(copy))
    registered.parameters.registration = node
    assert "outlines.json: missing or changed" in ui.outlinesMessage.text
    assert ui.outlinedView.count == 0


def test_a_removed_registration_is_forgotten(registered, ui):
    import slicer

    ui.plan.setCurrentNode(spine.add_screw())
    ui.vertebraeTable.selectRow(2)
    ui.movePlan.click()
    slicer.mrmlScene.RemoveNode(transforms()["L3"])
    assert not ui.movePlan.enabled
    assert ui.planMessage.text == ""
    ui.vertebraeTable.selectRow(1)
    assert ui.movePlan.enabled
    slicer.mrmlScene.RemoveNode(registered.parameters.registration)
    assert registered.parameters.registration is None
    assert not ui.vertebraeTable.visible
    assert not ui.movePlan.enabled


def test_nothing_is_observed_after_the_panel_was_closed(window, registered, ui):
    ui.plan.setCurrentNode(spine.add_screw())
    assert len(registered.registration.plans.Observations) == 1
    window.panel.cleanup()
    assert len(registered.registration.plans.Observations) == 0
