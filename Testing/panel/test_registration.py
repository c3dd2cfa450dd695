"""Section 6: a CT is registered to the X-rays."""

import json
import shutil

import numpy as np
import pytest

from Testing.panel import spine
from Testing.panel.registrations import cells, pose, transforms
from Testing.registration import phantom


def test_the_button_says_what_is_missing(spine_panel, ui):
    assert not ui.registerButton.enabled
    assert "choose it" in ui.registerButton.toolTip
    spine_panel.parameters.ct = spine.add_ct()
    assert ui.registerButton.enabled
    spine_panel.parameters.ctVertebrae = spine_panel.parameters.ct
    assert "same volume" in ui.registrationStatus.text
    spine_panel.parameters.ctVertebrae = None
    spine_panel.parameters.levels = "L3, 4"
    assert ui.registrationStatus.text == "4 is not a vertebra, expected names such as L3."
    spine_panel.parameters.levels = "L3, l4"
    assert ui.registerButton.enabled
    spine_panel.parameters.leftOut = json.dumps(["000"])
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


def test_settings_that_do_not_fit_are_named(spine_panel, ui):
    spine_panel.parameters.ct = spine.add_ct()
    spine_panel.parameters.registrationSettings = json.dumps({"restarts": 1})
    assert "restarts" in ui.registerButton.toolTip
    assert "restarts" in ui.registrationAdvancedMessage.text
    spine_panel.parameters.registrationSettings = json.dumps({"sheep": 1})
    assert "unknown settings sheep" in ui.registerButton.toolTip


def test_the_command_has_all_choices(ct_chosen, tmp_path):
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
    p = ct_chosen.parameters
    p.registrationStart, p.levels, p.registrationSettings = (
        start,
        "L3 l4",
        json.dumps({"restarts": 4, "check_levels": False, "check_mirrored": True}),
    )
    p.leftOut = json.dumps(["001"])
    words = result_of(ct_chosen.registration.inputs.copy_steps(tmp_path, tmp_path / "out"))
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


def test_vertebrae_are_registered_and_shown(ct_chosen, ui, wait, window):
    ui.registerButton.click()
    assert not ui.registerButton.enabled
    assert ui.cancelRegistration.enabled
    assert ui.registrationProgress.visible
    stages = set()
    wait(lambda: stages.add(ui.registrationStatus.text) or ct_chosen.parameters.registration is not None)
    assert any("Looking for the CT" in text for text in stages)
    assert [cells(ui, row)[:2] for row in range(4)] == [[name, "Verified"] for name in phantom.NAMES]
    assert ui.registrationMessage.text == "All 4 vertebrae are verified."
    for label, name in zip(phantom.LABELS, phantom.NAMES, strict=True):
        assert phantom.target_error(pose(transforms()[name]), phantom.motions()[label], label) < 0.6
    assert ct_chosen.registration.out.parent == ct_chosen.registration.out.parents[1] / "runs"
    assert str(ct_chosen.registration.out) in ui.registrationStatus.text
    assert (ct_chosen.registration.out / "report.html").is_file()
    assert ui.openRegistrationReport.enabled
    assert ui.outlinedView.count == 2
    assert ui.outlined.visible
    assert not ui.registrationButton.collapsed
    assert ui.xraysButton.collapsed
    assert not ui.registrationProgress.visible
    assert ct_chosen.registration._folder is None
    ct_chosen.parameters.levels = "L3"
    assert ui.registrationStatus.text == "Ready."


def test_another_patient_is_not_verified(spine_panel, ui, wait):
    spine_panel.parameters.ct, spine_panel.parameters.ctVertebrae = spine.add_ct(1), spine.add_label_map(1)
    ui.registerButton.click()
    wait(lambda: not spine_panel.registration.running and spine_panel.parameters.registration is not None)
    assert {cells(ui, row)[1] for row in range(ui.vertebraeTable.rowCount)} == {"Not verified"}
    assert ui.registrationMessage.text.startswith("<b>No vertebra is verified.</b>")
    assert "is not verified" in ui.vertebraMessage.text
    assert all("not verified" in node.GetName() for node in transforms().values())


def test_a_result_that_cannot_be_loaded_is_a_message(ct_chosen, ui, wait, stored_registration, tmp_path):
    from IXGSPanel.child_process import Ending

    damaged = shutil.copytree(stored_registration, tmp_path / "damaged")
    (damaged / "models" / "L2.stl").unlink()
    ct_chosen.registration.out = damaged
    ct_chosen.registration._on_ended(Ending(0, False, ""))
    assert ui.registrationStatus.text == "Loading the result..."
    wait(lambda: ui.registrationProblem.visible)
    assert "models/L2.stl: missing" in ui.registrationProblem.text
    assert ui.registrationStatus.text == f"The result is in {damaged}."


@pytest.mark.parametrize("what", ["MR", "segments", "points"])
def test_what_cannot_be_registered_is_a_message(ct_chosen, ui, wait, what):
    p = ct_chosen.parameters
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
    wait(lambda: not ct_chosen.registration.running)
    assert ui.registrationStatus.text.startswith("<b>The CT cannot be registered.</b>")
    assert told in ui.registrationStatus.text
    assert transforms() == {}
    assert not ct_chosen.registration.out.exists()
    assert ui.registerButton.enabled
    p.ct = spine.add_ct()
    assert ui.registrationStatus.text == "Ready."


def test_a_registration_can_be_cancelled(ct_chosen, ui, wait):
    ui.registerButton.click()
    wait(lambda: ct_chosen.registration.process.running)
    ui.cancelRegistration.click()
    assert ui.registrationStatus.text == "Stopping..."
    assert not ui.cancelRegistration.enabled
    wait(lambda: not ct_chosen.registration.running)
    assert ui.registrationStatus.text == "Cancelled. Nothing was kept."
    assert transforms() == {}
    assert not ct_chosen.registration.out.exists()
    assert ui.registerButton.enabled


def test_copying_can_be_cancelled_and_ends_with_its_node(ct_chosen, ui, wait):
    import slicer

    ui.registerButton.click()
    ui.cancelRegistration.click()
    assert ui.registrationStatus.text == "Cancelled. Nothing was kept."
    assert not ct_chosen.registration.process.running
    ui.registerButton.click()
    slicer.mrmlScene.RemoveNode(ct_chosen.parameters.ct)
    assert not ct_chosen.registration.running
    assert ct_chosen.parameters.ct is None
    assert "choose it" in ui.registerButton.toolTip


def test_closing_the_scene_stops_a_registration(ct_chosen, ui, wait):
    import slicer

    ui.registerButton.click()
    wait(lambda: ct_chosen.registration.process.running)
    process = ct_chosen.registration.process._job._child.process
    slicer.mrmlScene.Clear(0)
    assert not ct_chosen.registration.running
    assert "choose it" in ui.registrationStatus.text
    wait(lambda: process.poll() is not None, 60)
    assert not ct_chosen.registration.out.exists()


def test_missing_packages_are_installed_first(spine_panel, ui, packages):
    packages.names, packages.answer = ["torch"], "The user declined."
    spine_panel.parameters.ct = spine.add_ct()
    assert ui.registerButton.enabled
    ui.registerButton.click()
    assert packages.asked == 1
    assert ui.registrationStatus.text == "The user declined."
