"""Poses that a run refines: the choice and its arguments."""

import numpy as np
import pytest

from IXGSLib.formats.dicom_folder import load_tagged
from IXGSLib.geometry.trajectory import trajectory
from IXGSLib.jobs.read_case import write_reading
from Testing.formats.test_dicom_folder import ARM, GANTRY, shadow, stated
from Testing.panel.conftest import taken
from Testing.panel.runs import POSE, poses
from Testing.xray.test_dicom import dicom


def tick(ui, row, ticked):
    import qt

    ui.viewsTable.item(row, 0).setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)


@pytest.fixture(scope="session")
def tagged(tmp_path_factory):
    """A folder of DICOM X-rays without a calibration."""
    folder = tmp_path_factory.mktemp("XA")
    for n, view in enumerate(trajectory(ARM, GANTRY, (0, 0, 0))):
        dicom(folder / f"{n}.dcm", shadow(view), **stated(view, InstanceNumber=n + 1))
    return folder


@pytest.fixture(scope="session")
def tagged_reading(tagged, tmp_path_factory):
    """The files of the job read_case for that folder."""
    folder = tmp_path_factory.mktemp("tagged-reading")
    write_reading(load_tagged(tagged), folder)
    return folder


@pytest.fixture
def read_tagged(panel, tagged, tagged_reading):
    """The panel after it has read that folder."""
    return taken(panel, tagged, tagged_reading)


def test_refining_becomes_options_of_the_reconstruction(read, ui, tmp_path):
    plan = read.reconstruction.plan
    before = plan.choices()
    assert "--refine-poses" not in plan.commands(tmp_path / "out")[-1]
    assert not ui.poseErrorsWidget.enabled
    ui.refinePoses.click()
    assert ui.poseErrorsWidget.enabled
    ui.rotationError.value, ui.shiftError.value = 1.5, 4.0
    assert (read.parameters.rotationError, read.parameters.shiftError) == (1.5, 4.0)
    read.parameters.standardization = "classical"
    standardize, reconstruct = plan.commands(tmp_path / "out")
    assert "--refine-poses" not in standardize
    assert "--refine-poses" in reconstruct
    assert reconstruct[reconstruct.index("--refinement.rotation-error") + 1] == "1.5"
    assert reconstruct[reconstruct.index("--refinement.shift-error") + 1] == "4.0"
    assert plan.choices() != before  # an unfinished run with other poses is not resumed


def test_the_panel_starts_with_the_errors_that_the_library_expects(read):
    from IXGSLib.calibration import RefinementSettings

    settings = RefinementSettings()
    errors = (read.parameters.rotationError, read.parameters.shiftError)
    assert errors == (settings.rotation_error, settings.shift_error)


def test_too_few_x_rays_to_refine_their_poses(read, ui):
    read.parameters.refinePoses = True
    assert ui.applyButton.enabled
    assert not ui.posesMessage.visible
    tick(ui, 2, False)
    assert not ui.applyButton.enabled
    for text in (ui.posesMessage.text, ui.applyButton.toolTip):
        assert "at least 6 X-rays, and 5 are ticked" in text
    read.parameters.refinePoses = False
    assert ui.applyButton.enabled
    assert not ui.posesMessage.visible


def test_poses_from_dicom_tags_are_refined_by_default(panel, ui, wait, tagged, tagged_reading, small_case, reading):
    assert not ui.refinePoses.visible
    panel.parameters.casePath = str(tagged)
    wait(lambda: panel.selection.reading is not None)
    assert panel.parameters.refinePoses
    assert ui.refinePoses.visible
    assert set(poses(ui)) == {"DICOM\ntags"}
    assert "Approximate" in ui.viewsTable.item(0, POSE).toolTip()
    ui.refinePoses.click()
    assert "tick Refine poses" in ui.posesMessage.text
    taken(panel, tagged, tagged_reading)
    assert not panel.parameters.refinePoses  # the user has decided it for these X-rays
    ui.refinePoses.click()
    taken(panel, small_case, reading)
    assert not panel.parameters.refinePoses
    assert set(poses(ui)) == {"Given"}


def test_a_scene_brings_the_choice_of_its_user(read_tagged, ui, wait, tmp_path):
    import slicer

    ui.refinePoses.click()
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"), True)
    wait(lambda: read_tagged.selection.reading is not None)
    assert not read_tagged.parameters.refinePoses


def test_deviations_of_tags_from_the_standard_are_options(read_tagged, ui, wait, small_case, reading, tmp_path):
    panel = read_tagged
    assert ui.tagConventions.visible
    given = panel.selection.xrays[0].view.world_from_camera
    ui.tagConventions.text = "primary-reversed, half-turn"
    wait(lambda: panel.selection.reading is not None and not panel.selection.busy)
    assert panel.selection.options == ["--tag-conventions", "primary-reversed", "half-turn"]
    assert not np.allclose(panel.selection.xrays[0].view.world_from_camera, given)
    assert "primary-reversed" in ui.viewsTable.item(0, POSE).toolTip()
    words = panel.reconstruction.plan.commands(tmp_path / "out")[0]
    assert words[words.index("--tag-conventions") :][:3] == panel.selection.options
    ui.tagConventions.text = "half-turm"
    assert "half-turm: unknown, expected one or more of room-angles" in ui.xraysMessage.text
    taken(panel, small_case, reading)
    assert not ui.tagConventions.visible
    assert panel.selection.options == []


def test_the_x_rays_may_choose_the_conventions_of_their_tags(read_tagged, ui, wait):
    panel = read_tagged
    ui.tagConventions.text = "auto, half-turn"
    assert "auto beside other names" in ui.xraysMessage.text
    ui.tagConventions.text = "auto"
    wait(lambda: panel.selection.reading is not None and not panel.selection.busy)
    assert panel.selection.options == ["--tag-conventions", "auto"]
    assert "the X-rays" in ui.viewsTable.item(0, POSE).toolTip()


def test_the_tool_tip_names_every_deviation(ui):
    from typing import get_args

    from IXGSLib.xray.dicom.conventions import AUTO, Deviation

    assert all(name in ui.tagConventions.toolTip for name in (*get_args(Deviation), AUTO))


def test_a_run_that_refines_poses_says_so_while_it_does(read, ui, wait):
    import slicer

    read.parameters.refinePoses = True
    texts = []
    read.reconstruction.process.event_received.connect(lambda event: texts.append(ui.status.text))
    ui.applyButton.click()
    wait(lambda: not read.reconstruction.running)
    assert "Done" in ui.status.text, ui.status.text
    assert any(text.startswith("Refining the poses") for text in texts)
    wait(lambda: not ui.reviewButton.collapsed)
    assert "verified" in ui.refinementMessage.text
    assert "Disagreement" in ui.refinementMessage.text
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")


@pytest.mark.parametrize(
    ("origin", "text"),
    [("", "Given"), ("tags (half-turn)", "DICOM\ntags"), ("fiducials", "Fiducials"), ("refined", "Refined")],
)
def test_every_origin_of_a_pose_has_a_word_and_a_sentence(panel, origin, text):
    from IXGSPanel.views_table import origin_tip, pose_text

    assert pose_text(origin) == text
    assert origin_tip(origin).endswith(".")
    assert "half-turn" not in origin or "half-turn" in origin_tip(origin)
