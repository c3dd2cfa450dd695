"""The C-arm of every used view in the 3D view, and its move where a run refined poses."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from IXGSLib.scene.c_arm import VIEW_ID
from Testing.panel.runs import final_pose, record, review
from Testing.scene.points import world_points

VIEW = 0
"""Column of the table."""


def test_show_c_arm_draws_the_c_arm_of_every_used_view(read, ui, wait):
    import qt
    import slicer

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


def source_of(id):
    """The X-ray source of a view in the scene, LPS mm."""
    import slicer

    nodes = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
    matrix = slicer.util.arrayFromTransformMatrix(next(n for n in nodes if n.GetAttribute(VIEW_ID) == id))
    return matrix[:3, 3] * (-1, -1, 1)


def moves():
    """The models of the C-arm that show a given pose."""
    import slicer

    return [node for node in slicer.util.getNodesByClass("vtkMRMLModelNode") if node.GetName().endswith(" move")]


@pytest.fixture
def drawn(panel, wait):
    """Waits until the C-arm is drawn."""
    return lambda: wait(lambda: not panel.c_arm._draw_soon.isActive())


def test_the_c_arm_is_drawn_at_the_final_poses_with_its_move_from_the_given_ones(read_moved, ui, run, drawn):
    xray = read_moved.selection.xrays[1]
    given, final = xray.view.source, final_pose(run, xray.id)[:3, 3]
    assert np.linalg.norm(given - final) > 5
    ui.showCArm.click()
    drawn()
    assert np.allclose(source_of(xray.id), given)
    assert moves() == []
    assert not ui.cArmLegend.visible
    review(read_moved, run)
    drawn()
    assert np.allclose(source_of(xray.id), final)
    assert "green is the given pose" in ui.cArmLegend.text
    points = world_points(next(node for node in moves() if node.GetName().startswith(xray.id)))
    for place in (given, final):
        assert np.linalg.norm(points - place, axis=1).min() < 1e-4
    read_moved.parameters.volume = None
    drawn()
    assert np.allclose(source_of(xray.id), given)
    assert moves() == []
    assert not ui.cArmLegend.visible


def test_only_moves_of_refined_and_ticked_views_are_drawn_and_the_selected_one_stands_out(read_moved, ui, run, drawn):
    import qt

    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    views[0]["state"] = "given"
    record(run, views=views)
    review(read_moved, run)
    ui.showCArm.click()
    ui.viewsTable.item(1, VIEW).setCheckState(qt.Qt.Unchecked)
    drawn()
    ids = [xray.id for xray in read_moved.selection.xrays]
    assert {node.GetName() for node in moves()} == {f"{id} move" for id in ids[2:]}
    assert not any(node.GetSaveWithScene() for node in moves())
    ui.viewsTable.selectRow(3)
    opacity = {node.GetName(): node.GetDisplayNode().GetOpacity() for node in moves()}
    assert opacity[f"{ids[3]} move"] == 1 > opacity[f"{ids[2]} move"]
    ui.showCArm.click()
    assert moves() == []


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


def test_looking_through_an_x_ray_is_from_its_final_pose(read_moved, ui, run, camera):
    ui.lookThrough.click()
    given = np.array(camera.GetPosition())
    review(read_moved, run)
    final = final_pose(run, read_moved.selection.current.id)[:3, 3]
    assert np.allclose(np.array(camera.GetPosition()) * (-1, -1, 1), final)
    assert not np.allclose(camera.GetPosition(), given, atol=1e-4)
