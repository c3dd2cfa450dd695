"""Section 6: a CT is registered to the X-rays, and its plans move with its vertebrae."""

import json
import shutil

import numpy as np
import pytest

from IXGSLib.formats import save_case
from IXGSLib.geometry.rigid import apply
from Testing.panel import spine
from Testing.panel.conftest import taken
from Testing.registration import phantom
from Testing.registration.folders import written

DOUBT = "restarts end 3.0 mm apart, expected at most 1 mm"


@pytest.fixture(scope="session")
def spine_case(tmp_path_factory):
    return save_case(phantom.case(2), tmp_path_factory.mktemp("spine") / "case").parent


@pytest.fixture(scope="session")
def spine_reading(tmp_path_factory):
    from IXGSLib.jobs.read_case import write_reading

    folder = tmp_path_factory.mktemp("reading")
    write_reading(phantom.case(2), folder)
    return folder


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """The folder of a registration in which L4 is not verified."""
    return written(tmp_path_factory.mktemp("stored") / "spine-ct", {"L4": (DOUBT,)})


@pytest.fixture
def ready(panel, spine_case, spine_reading, tmp_path):
    """The panel with the X-rays of the spine."""
    return taken(panel, spine_case, shutil.copytree(spine_reading, tmp_path / "spine"))


@pytest.fixture
def chosen(ready):
    """The panel with the X-rays, the CT and its segmentation."""
    ready.parameters.ct, ready.parameters.ctVertebrae = spine.add_ct(), spine.add_segmentation()
    return ready


@pytest.fixture
def loaded(panel, ui, stored, wait):
    """The panel with a registration that was made before."""
    panel.registration.loading.load(stored)
    wait(lambda: panel.parameters.registration is not None)
    return panel


def transforms():
    import slicer

    from IXGSLib.scene.registrations import VERTEBRA

    nodes = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
    return {node.GetAttribute(VERTEBRA): node for node in nodes if node.GetAttribute(VERTEBRA)}


def pose(node):
    """(4, 4) LPS mm of a transform node."""
    import vtk

    from IXGSLib.scene.frames import FLIP, matrix_array

    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToWorld(matrix)
    return FLIP @ matrix_array(matrix) @ FLIP


def cells(ui, row):
    return [ui.vertebraeTable.item(row, column).text() for column in range(ui.vertebraeTable.columnCount)]


def picture(label):
    from PySide6 import QtGui

    image = label.pixmap.toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., :3].copy()


# Before a registration


def test_the_button_says_what_is_missing(ready, ui):
    assert not ui.registerButton.enabled
    assert "choose it" in ui.registerButton.toolTip
    ready.parameters.ct = spine.add_ct()
    assert ui.registerButton.enabled
    ready.parameters.ctVertebrae = ready.parameters.ct
    assert "same volume" in ui.registrationStatus.text
    ready.parameters.ctVertebrae = None
    ready.parameters.levels = "L3, 4"
    assert ui.registrationStatus.text == "4 is not a vertebra, expected names such as L3."
    ready.parameters.levels = "L3, l4"
    assert ui.registerButton.enabled
    ready.parameters.leftOut = json.dumps(["000"])
    assert "at least two views" in ui.registerButton.toolTip
    assert not ui.registerButton.enabled


def test_without_x_rays_nothing_can_be_registered(panel, ui):
    panel.parameters.ct = spine.add_ct()
    assert "X-rays of section 1" in ui.registrationStatus.text
    assert not ui.registerButton.enabled


def test_label_maps_are_no_cts(panel, ui, app):
    spine.add_label_map()
    spine.add_ct()
    offered = [ui.ct._box.itemText(n) for n in range(ui.ct._box.count)]
    assert offered == ["None", "CT"]
    assert "labels" in [ui.ctVertebrae._box.itemText(n) for n in range(ui.ctVertebrae._box.count)]


def test_settings_are_those_of_the_dataclass(panel, ui):
    from IXGSLib.registration.settings import RegistrationSettings

    form = panel.registration.form
    assert {name: editor.read() for name, editor in form.editors.items()} == vars(RegistrationSettings())
    assert "Median distance" in form.editors["max_edge_distance"].widget.toolTip


def test_changed_settings_become_options(panel, ui):
    form = panel.registration.form
    form.editors["check_levels"].widget.checked = False
    form.editors["scheme"].widget.currentIndex = 3
    form.editors["max_spread"].widget.value = 2.0
    assert form.arguments() == ["--no-check-levels", "--scheme", "verse", "--max-spread", "2.0"]
    assert form.labels["max_spread"].font.bold()
    form.editors["max_spread"].widget.value = 1.0
    assert "max_spread" not in form.changed()
    ui.resetRegistrationSettings.click()
    assert form.arguments() == []


def test_settings_that_do_not_fit_are_named(ready, ui):
    ready.parameters.ct = spine.add_ct()
    ready.parameters.registrationSettings = json.dumps({"restarts": 1})
    assert "restarts" in ui.registerButton.toolTip
    assert "restarts" in ui.registrationAdvancedMessage.text
    ready.parameters.registrationSettings = json.dumps({"sheep": 1})
    assert "unknown settings sheep" in ui.registerButton.toolTip


def test_the_command_has_all_choices(chosen, tmp_path):
    import slicer

    from IXGSLib.cli.program import _command
    from IXGSLib.registration.settings import RegistrationSettings
    from IXGSLib.registration.transforms import read_tfm
    from IXGSLib.scene.frames import FLIP, vtk_matrix
    from IXGSLib.steps import result_of

    start = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "near")
    near = np.eye(4)
    near[:3, 3] = (3, 4, 5)
    start.SetMatrixTransformToParent(vtk_matrix(FLIP @ near @ FLIP))
    p = chosen.parameters
    p.registrationStart, p.levels, p.registrationSettings = (
        start,
        "L3 l4",
        json.dumps({"restarts": 4, "check_levels": False, "check_mirrored": True}),
    )
    p.leftOut = json.dumps(["001"])
    words = result_of(chosen.registration.inputs.copy_steps(tmp_path, tmp_path / "out"))
    assert words[:3] == ["-m", "IXGSLib", "register"]
    command = _command(words[2:3], words[3:])
    assert command.vertebrae == ("L3", "L4")
    assert command.registration == RegistrationSettings(restarts=4, check_levels=False)
    assert command.images.leave_out == ("001",)
    assert np.allclose(read_tfm(command.start), near)
    assert command.labels == tmp_path / "labels" / "vertebrae.nrrd"
    assert command.json
    assert command.stop_on_eof


# A registration


def test_vertebrae_are_registered_and_shown(chosen, ui, wait, window):
    ui.registerButton.click()
    assert not ui.registerButton.enabled
    assert ui.cancelRegistration.enabled
    assert ui.registrationProgress.visible
    stages = set()
    wait(lambda: stages.add(ui.registrationStatus.text) or chosen.parameters.registration is not None)
    assert any("Looking for the CT" in text for text in stages)
    assert [cells(ui, row)[:2] for row in range(4)] == [[name, "Verified"] for name in phantom.NAMES]
    assert ui.registrationMessage.text == "All 4 vertebrae are verified."
    for label, name in zip(phantom.LABELS, phantom.NAMES, strict=True):
        assert phantom.target_error(pose(transforms()[name]), phantom.motions()[label], label) < 0.6
    assert chosen.registration.out.parent == chosen.registration.out.parents[1] / "runs"
    assert str(chosen.registration.out) in ui.registrationStatus.text
    assert (chosen.registration.out / "report.html").is_file()
    assert ui.openRegistrationReport.enabled
    assert ui.outlinedView.count == 2
    assert ui.outlined.visible
    assert not ui.registrationButton.collapsed
    assert ui.xraysButton.collapsed
    assert not ui.registrationProgress.visible
    assert chosen.registration._folder is None
    chosen.parameters.levels = "L3"
    assert ui.registrationStatus.text == "Ready."


def test_another_patient_is_not_verified(ready, ui, wait):
    ready.parameters.ct, ready.parameters.ctVertebrae = spine.add_ct(1), spine.add_label_map(1)
    ui.registerButton.click()
    wait(lambda: not ready.registration.running and ready.parameters.registration is not None)
    assert {cells(ui, row)[1] for row in range(ui.vertebraeTable.rowCount)} == {"Not verified"}
    assert ui.registrationMessage.text.startswith("<b>No vertebra is verified.</b>")
    assert "is not verified" in ui.vertebraMessage.text
    assert all("not verified" in node.GetName() for node in transforms().values())


def test_a_result_that_cannot_be_loaded_is_a_message(chosen, ui, wait, stored, tmp_path):
    from IXGSPanel.child_process import Ending

    damaged = shutil.copytree(stored, tmp_path / "damaged")
    (damaged / "models" / "L2.stl").unlink()
    chosen.registration.out = damaged
    chosen.registration._on_ended(Ending(0, False, ""))
    assert ui.registrationStatus.text == "Loading the result..."
    wait(lambda: ui.registrationProblem.visible)
    assert "models/L2.stl: missing" in ui.registrationProblem.text
    assert ui.registrationStatus.text == f"The result is in {damaged}."


@pytest.mark.parametrize("what", ["MR", "segments", "points"])
def test_what_cannot_be_registered_is_a_message(chosen, ui, wait, what):
    p = chosen.parameters
    if what == "MR":
        p.ct, p.ctVertebrae, told = (
            spine.add_ct(offset=1100),
            None,
            "CT.nrrd: the smallest value is 100, expected Hounsfield units",
        )
    elif what == "segments":
        p.ctVertebrae.GetSegmentation().RemoveAllSegments()
        told = "no segment is a vertebra"
    else:
        p.ctVertebrae, told = spine.add_points("F-1"), "a point named 'F-1'"
    ui.registerButton.click()
    wait(lambda: not chosen.registration.running)
    assert ui.registrationStatus.text.startswith("<b>The CT cannot be registered.</b>")
    assert told in ui.registrationStatus.text
    assert transforms() == {}
    assert not chosen.registration.out.exists()
    assert ui.registerButton.enabled
    p.ct = spine.add_ct()
    assert ui.registrationStatus.text == "Ready."


def test_a_registration_can_be_cancelled(chosen, ui, wait):
    ui.registerButton.click()
    wait(lambda: chosen.registration.process.running)
    ui.cancelRegistration.click()
    assert ui.registrationStatus.text == "Stopping..."
    assert not ui.cancelRegistration.enabled
    wait(lambda: not chosen.registration.running)
    assert ui.registrationStatus.text == "Cancelled. Nothing was kept."
    assert transforms() == {}
    assert not chosen.registration.out.exists()
    assert ui.registerButton.enabled


def test_copying_can_be_cancelled_and_ends_with_its_node(chosen, ui, wait):
    import slicer

    ui.registerButton.click()
    ui.cancelRegistration.click()
    assert ui.registrationStatus.text == "Cancelled. Nothing was kept."
    assert not chosen.registration.process.running
    ui.registerButton.click()
    slicer.mrmlScene.RemoveNode(chosen.parameters.ct)
    assert not chosen.registration.running
    assert chosen.parameters.ct is None
    assert "choose it" in ui.registerButton.toolTip


def test_closing_the_scene_stops_a_registration(chosen, ui, wait):
    import slicer

    ui.registerButton.click()
    wait(lambda: chosen.registration.process.running)
    process = chosen.registration.process._job._process
    slicer.mrmlScene.Clear(0)
    assert not chosen.registration.running
    assert "choose it" in ui.registrationStatus.text
    wait(lambda: process.poll() is not None, 60)
    assert not chosen.registration.out.exists()


def test_missing_packages_are_installed_first(ready, ui, packages):
    packages.names, packages.answer = ["torch"], "The user declined."
    ready.parameters.ct = spine.add_ct()
    assert ui.registerButton.enabled
    ui.registerButton.click()
    assert packages.asked == 1
    assert ui.registrationStatus.text == "The user declined."


# Its result


def test_verdicts_are_shown_in_a_table(loaded, ui):
    motion = loaded.registration.result.record.motion("L1")
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


def test_the_selected_vertebra_is_highlighted_in_3d(loaded, ui):
    import slicer

    from IXGSLib.scene.bone import COLOUR
    from IXGSLib.scene.registrations import HIGHLIGHT_COLOUR, vertebrae_of

    ui.vertebraeTable.selectRow(1)
    color = {
        name: nodes.model.GetDisplayNode().GetColor
        for name, nodes in vertebrae_of(loaded.parameters.registration).items()
    }
    assert color["L2"]() == pytest.approx(HIGHLIGHT_COLOUR)
    assert color["L1"]() == pytest.approx(COLOUR)
    loaded.parameters.registration = None
    assert color["L2"]() == pytest.approx(COLOUR)
    assert "no registration yet" in ui.registrationMessage.text
    assert not ui.vertebraeTable.visible
    assert not ui.outlined.visible
    assert slicer.app.layoutManager().resets > 0


def test_outlines_are_drawn_over_the_x_rays(loaded, ui):
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


def test_outlines_lie_where_the_vertebrae_are(loaded, ui):
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


def test_an_x_ray_opens_large_with_its_outlines(loaded, ui):
    from PySide6 import QtCore, QtTest

    QtTest.QTest.mouseClick(ui.outlined, QtCore.Qt.LeftButton)
    viewer = loaded.registration.result.views.enlarger.viewer
    assert viewer.dialog.windowTitle == "000"
    assert "Dotted: not verified" in viewer.caption.text
    drawn = picture(viewer.picture)
    assert np.ptp(drawn, axis=2).max() > 60
    viewer.switch.checked = False
    assert np.ptp(picture(viewer.picture), axis=2).max() == 0
    viewer.step(1)
    assert viewer.dialog.windowTitle == "001"
    viewer.dialog.close()


def test_the_report_opens(loaded, ui, stored, monkeypatch):
    import qt

    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", opened.append)
    ui.openRegistrationReport.click()
    assert opened[0].toLocalFile() == str(stored / "report.html")


def test_an_earlier_registration_is_chosen_by_its_folder(panel, ui, stored, wait, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(stored))
    ui.loadRegistration.click()
    wait(lambda: panel.parameters.registration is not None)
    assert ui.vertebraeTable.rowCount == 4
    assert ui.registration.currentNode() is panel.parameters.registration
    assert not ui.registrationButton.collapsed


def test_another_folder_is_a_message(panel, ui, wait, tmp_path, stored):
    panel.registration.loading.load(tmp_path)
    wait(lambda: "no registration" in ui.registrationProblem.text)
    assert ui.loadRegistration.enabled
    assert panel.parameters.registration is None
    panel.registration.loading.load(stored)
    wait(lambda: panel.parameters.registration is not None)
    assert not ui.registrationProblem.visible


def test_other_texts_of_the_scene_are_not_offered(loaded, ui):
    import slicer

    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    assert [ui.registration._box.itemText(n) for n in range(ui.registration._box.count)] == ["None", "spine-ct"]


# Scenes


def test_a_saved_scene_shows_the_registration_without_its_folder(loaded, ui, stored, tmp_path, wait):
    import slicer

    copy = shutil.copytree(stored, tmp_path / "copy")
    loaded.parameters.registration.SetAttribute("IXGS.Run", str(copy))
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


def test_a_folder_of_another_registration_is_not_shown(loaded, ui, stored, tmp_path):
    copy = shutil.copytree(stored, tmp_path / "copy")
    content = json.loads((copy / "outlines.json").read_text())
    content["views"][0]["id"] = "other"
    (copy / "outlines.json").write_text(json.dumps(content))
    node = loaded.parameters.registration
    loaded.parameters.registration = None
    node.SetAttribute("IXGS.Run", str(copy))
    loaded.parameters.registration = node
    assert "outlines.json: missing or changed" in ui.outlinesMessage.text
    assert ui.outlinedView.count == 0


def test_a_removed_registration_is_forgotten(loaded, ui):
    import slicer

    ui.plan.setCurrentNode(spine.add_screw())
    ui.vertebraeTable.selectRow(2)
    ui.movePlan.click()
    slicer.mrmlScene.RemoveNode(transforms()["L3"])
    assert not ui.movePlan.enabled
    assert ui.planMessage.text == ""
    ui.vertebraeTable.selectRow(1)
    assert ui.movePlan.enabled
    slicer.mrmlScene.RemoveNode(loaded.parameters.registration)
    assert loaded.parameters.registration is None
    assert not ui.vertebraeTable.visible
    assert not ui.movePlan.enabled


def test_nothing_is_observed_after_the_panel_was_closed(window, loaded, ui):
    ui.plan.setCurrentNode(spine.add_screw())
    assert len(loaded.registration.plans.Observations) == 1
    window.panel.cleanup()
    assert len(loaded.registration.plans.Observations) == 0


# Plans


def test_a_plan_moves_with_the_selected_vertebra_and_back(loaded, ui):
    assert not ui.movePlan.enabled
    plan = spine.add_screw()
    ui.plan.setCurrentNode(plan)
    ui.vertebraeTable.selectRow(2)
    assert ui.movePlan.text == "Move plan with L3"
    ui.movePlan.click()
    place = [0.0, 0.0, 0.0]
    plan.GetNthControlPointPositionWorld(1, place)
    assert np.array(place) * (-1, -1, 1) == pytest.approx(apply(phantom.motions()[22], (-8.0, -12.0, -18.0)), abs=1e-6)
    assert ui.planMessage.text == "screw moves with L3."
    assert not ui.movePlan.enabled
    ui.vertebraeTable.selectRow(0)
    assert ui.movePlan.enabled
    assert "moves with L3" in ui.planMessage.text
    ui.putPlanBack.click()
    plan.GetNthControlPointPositionWorld(1, place)
    assert place == pytest.approx([8, 12, -18])
    assert "back where it was made" in ui.planMessage.text
    assert not ui.putPlanBack.enabled


def test_a_vertebra_that_is_not_verified_or_far_from_the_plan_is_told(loaded, ui):
    ui.plan.setCurrentNode(spine.add_screw())
    ui.vertebraeTable.selectRow(3)
    ui.movePlan.click()
    assert "<b>L4 is not verified:</b>" in ui.planMessage.text
    assert "nearer to L3" in ui.planMessage.text


def test_a_change_in_the_data_module_is_seen(loaded, ui):
    plan = spine.add_screw()
    ui.plan.setCurrentNode(plan)
    plan.SetAndObserveTransformNodeID(transforms()["L2"].GetID())
    assert ui.planMessage.text == "screw moves with L2."
    assert ui.putPlanBack.enabled
    plan.SetAndObserveTransformNodeID(None)
    assert ui.planMessage.text == ""
    assert not ui.putPlanBack.enabled


def test_what_cannot_move_is_a_message(loaded, ui):
    import slicer

    ui.plan.setCurrentNode(slicer.mrmlScene.GetFirstNodeByName("L2"))
    ui.vertebraeTable.selectRow(2)
    ui.movePlan.click()
    assert "a vertebra of a registration" in ui.planMessage.text
    ui.plan.setCurrentNode(spine.add_screw())
    assert ui.planMessage.text == ""
