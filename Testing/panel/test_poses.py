"""Poses that a run refines: the choice, its arguments, the review and the table."""

import json
import shutil

import numpy as np
import pytest

from IXGSLib.geometry.trajectory import trajectory
from Testing.formats.test_dicom_folder import ARM, GANTRY, shadow, stated
from Testing.panel.conftest import SMALL
from Testing.xray.test_dicom import dicom

POSE = 3
"""Column of the table."""


def poses(ui):
    return [ui.viewsTable.item(row, POSE).text() for row in range(ui.viewsTable.rowCount)]


def tick(ui, row, ticked):
    import qt

    ui.viewsTable.item(row, 0).setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)


@pytest.fixture
def tagged(tmp_path):
    """A folder of DICOM X-rays without a calibration."""
    folder = tmp_path / "XA"
    folder.mkdir()
    for n, view in enumerate(trajectory(ARM, GANTRY, (0, 0, 0))):
        dicom(folder / f"{n}.dcm", shadow(view), **stated(view, InstanceNumber=n + 1))
    return folder


@pytest.fixture(scope="session")
def refined(small_case, tmp_path_factory):
    """The folder of a finished run with refined poses."""
    from IXGSLib.cli import main

    folder = tmp_path_factory.mktemp("refined")
    (folder / "settings.json").write_text(json.dumps(SMALL))
    words = ["reconstruct", small_case, "--out", folder / "run", "--preset", "preview", "--json", "--refine-poses"]
    assert main([str(word) for word in [*words, "--settings", folder / "settings.json"]]) == 0
    return folder / "run"


@pytest.fixture
def run(refined, tmp_path):
    """A copy of that run, which a test may change."""
    return shutil.copytree(refined, tmp_path / "run")


def review(panel, run):
    """Load a run as the volume under review."""
    import slicer

    from IXGSLib.scene.runs import load_run

    panel.parameters.volume = load_run(slicer.mrmlScene, run)


def record(run, **changes):
    """Change what run.json says about the refinement."""
    content = json.loads((run / "run.json").read_text())
    content["refinement"] |= changes
    (run / "run.json").write_text(json.dumps(content))


def final_pose(run, id):
    views = json.loads((run / "poses.json").read_text())["views"]
    return next(np.array(view["world_from_camera"]) for view in views if view["id"] == id)


# The choice


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


def test_poses_from_dicom_tags_are_refined_by_default(panel, ui, wait, tagged, small_case):
    assert not ui.refinePoses.visible
    panel.parameters.casePath = str(tagged)
    wait(lambda: panel.selection.reading is not None)
    assert panel.parameters.refinePoses
    assert ui.refinePoses.visible
    assert set(poses(ui)) == {"DICOM\ntags"}
    assert "Approximate" in ui.viewsTable.item(0, POSE).toolTip()
    ui.refinePoses.click()
    assert "tick Refine poses" in ui.posesMessage.text
    ui.readAgain.click()
    wait(lambda: panel.selection.reading is not None)
    assert not panel.parameters.refinePoses  # the user has decided it for these X-rays
    ui.refinePoses.click()
    panel.parameters.casePath = str(small_case)
    wait(lambda: panel.selection.reading is not None)
    assert not panel.parameters.refinePoses
    assert set(poses(ui)) == {"Given"}


def test_a_scene_brings_the_choice_of_its_user(panel, ui, wait, tagged, tmp_path):
    import slicer

    panel.parameters.casePath = str(tagged)
    wait(lambda: panel.selection.reading is not None)
    ui.refinePoses.click()
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"), True)
    wait(lambda: panel.selection.reading is not None)
    assert not panel.parameters.refinePoses


def test_deviations_of_tags_from_the_standard_are_options(panel, ui, wait, tagged, small_case, tmp_path):
    panel.parameters.casePath = str(tagged)
    wait(lambda: panel.selection.reading is not None)
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
    panel.parameters.casePath = str(small_case)
    wait(lambda: panel.selection.reading is not None)
    assert not ui.tagConventions.visible
    assert panel.selection.options == []


def test_the_x_rays_may_choose_the_conventions_of_their_tags(panel, ui, wait, tagged):
    panel.parameters.casePath = str(tagged)
    wait(lambda: panel.selection.reading is not None)
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


# A run


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


# The review


def test_the_verdict_of_a_run_is_shown(read, ui, run):
    review(read, run)
    assert "The given poses are verified" in ui.refinementMessage.text
    read.parameters.volume = None
    assert not ui.refinementMessage.visible
    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    for view in views:
        view |= {"state": "refined", "rotation": 1.25, "shift": 3.5}
    views[1]["state"] = "left out"
    record(run, views=views)
    review(read, run)
    assert "were refined and are verified" in ui.refinementMessage.text
    assert "turned by 1.2° and moved by 3.5 mm" in ui.refinementMessage.text
    assert f"agree with no other X-ray: {views[1]['id']}." in ui.refinementMessage.text


def test_why_poses_are_not_verified_is_shown(read, ui, run):
    record(run, verified=False, doubts=["the images disagree by 0.52, expected at most <0.35", "another reason"])
    review(read, run)
    assert "not verified" in ui.refinementMessage.text
    assert "at most &lt;0.35; another reason" in ui.refinementMessage.text


def test_changed_poses_of_a_run_are_a_message(read, ui, run):
    text = (run / "poses.json").read_text()
    (run / "poses.json").write_text(text.replace("0.", "1.", 1))
    review(read, run)
    assert "cannot be read" in ui.refinementMessage.text
    assert "poses.json" in ui.refinementMessage.text
    xray = read.selection.xrays[0]
    assert read.selection.final(xray) is xray


def test_an_incomplete_record_is_a_message(read, ui, run):
    content = json.loads((run / "run.json").read_text())
    del content["refinement"]["doubts"]
    (run / "run.json").write_text(json.dumps(content))
    review(read, run)
    assert "cannot be read" in ui.refinementMessage.text
    assert "run.json" in ui.refinementMessage.text


@pytest.mark.parametrize("damage", ["", "{", None])
def test_a_damaged_record_is_a_message(read, ui, run, damage):
    """Which is also what the comparison needs."""
    import slicer

    from IXGSLib.scene.runs import load_run

    node = load_run(slicer.mrmlScene, run)
    if damage is None:
        (run / "run.json").unlink()
    else:
        (run / "run.json").write_text(damage)
    read.parameters.volume = node
    ui.compare.click()
    for text in (ui.refinementMessage.text, ui.comparisonMessage.text):
        assert "run.json" in text


def test_a_run_with_given_poses_has_no_verdict(read, ui, run):
    content = json.loads((run / "run.json").read_text())
    del content["refinement"]
    (run / "run.json").write_text(json.dumps(content))
    done = json.loads((run / "done.json").read_text())
    del done["outputs"]["poses.json"]
    (run / "done.json").write_text(json.dumps(done))
    review(read, run)
    assert not ui.refinementMessage.visible
    assert read.selection.final(read.selection.current) is read.selection.current


def test_the_c_arm_is_drawn_at_the_final_poses(read, ui, wait, run):
    import slicer

    from IXGSLib.scene.c_arm import VIEW_ID

    def source_of(id):
        """The X-ray source of a view in the scene, LPS mm."""
        nodes = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
        matrix = slicer.util.arrayFromTransformMatrix(next(n for n in nodes if n.GetAttribute(VIEW_ID) == id))
        return matrix[:3, 3] * (-1, -1, 1)

    def drawn():
        wait(lambda: not read.c_arm._draw_soon.isActive())

    xray = read.selection.xrays[1]
    given, final = xray.view.world_from_camera[:3, 3], final_pose(run, xray.id)[:3, 3]
    assert not np.allclose(given, final, atol=1e-4)
    ui.showCArm.click()
    drawn()
    assert np.allclose(source_of(xray.id), given)
    review(read, run)
    drawn()
    assert np.allclose(source_of(xray.id), final)
    read.parameters.volume = None
    drawn()
    assert np.allclose(source_of(xray.id), given)


@pytest.fixture
def camera(app):
    """The camera of the 3D view, which is a singleton: closing the scene does not remove it."""
    import slicer

    for each in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
        slicer.mrmlScene.RemoveNode(each)
    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")
    camera.SetLayoutName("1")
    yield camera
    slicer.mrmlScene.RemoveNode(camera)


def test_looking_through_an_x_ray_is_from_its_final_pose(read, ui, run, camera):
    ui.lookThrough.click()
    given = np.array(camera.GetPosition())
    review(read, run)
    final = final_pose(run, read.selection.current.id)[:3, 3]
    assert np.allclose(np.array(camera.GetPosition()) * (-1, -1, 1), final)
    assert not np.allclose(camera.GetPosition(), given, atol=1e-4)


def test_final_poses_are_those_of_a_run_of_these_x_rays(read, ui, run):
    from dataclasses import replace

    other = {name: digest[::-1] for name, digest in read.selection.reading.hashes.items()}
    read.selection.reading = replace(read.selection.reading, hashes=other)
    review(read, run)
    assert read.selection.final(read.selection.xrays[0]) is read.selection.xrays[0]
    assert set(poses(ui)) == {"Given"}


def test_volume_and_x_rays_are_compared_at_the_final_poses(read, ui, wait, run, monkeypatch):
    """Final poses that are wrong make every view agree less than the given ones, from which they are rendered else."""
    from IXGSLib.files import sha256

    def agreement():
        ui.compare.click()
        wait(lambda: not read.review.comparison.process.running)
        return [pair["psnr"] for pair in read.review.comparison._pairs]

    review(read, run)
    true = agreement()
    assert len(true) == len(read.selection.xrays)
    moved = json.loads((run / "poses.json").read_text())
    moved["views"] = moved["views"][1:]  # the first view was left out
    for view in moved["views"]:
        view["world_from_camera"][2][3] += 8
    (run / "poses.json").write_text(json.dumps(moved))
    done = json.loads((run / "done.json").read_text())
    done["outputs"]["poses.json"] = sha256((run / "poses.json").read_bytes())
    (run / "done.json").write_text(json.dumps(done))
    wrong = agreement()
    assert wrong[0] == pytest.approx(true[0], abs=1.0)
    assert all(after < before - 3 for before, after in zip(true[1:], wrong[1:], strict=True))


# The table


def test_the_table_shows_what_a_run_did_to_each_pose(read, ui, run):
    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    views[0] |= {"state": "refined", "rotation": 1.25, "shift": 3.5, "beam": 2.0, "before": 0.4, "after": None}
    views[1] |= {"state": "left out", "after": 0.71}
    record(run, views=views)
    review(read, run)
    assert poses(ui)[:3] == ["Refined", "Left out", "Given"]
    tips = [ui.viewsTable.item(row, POSE).toolTip() for row in range(3)]
    assert "Turned by 1.2°, moved by 3.5 mm" in tips[0]
    assert "0.40 before, ? after" in tips[0]
    assert "disagrees by 0.71" in tips[1]
    read.parameters.volume = None
    assert set(poses(ui)) == {"Given"}


@pytest.mark.parametrize(
    ("origin", "text"),
    [("", "Given"), ("tags (half-turn)", "DICOM\ntags"), ("fiducials", "Fiducials"), ("refined", "Refined")],
)
def test_every_origin_of_a_pose_has_a_word_and_a_sentence(panel, origin, text):
    from IXGSPanel.views_table import pose_text, pose_tip

    assert pose_text(origin) == text
    assert pose_tip(origin).endswith(".")
    assert "half-turn" not in origin or "half-turn" in pose_tip(origin)
