"""Section 5: the bone of a volume, as a surface and as a volume rendering."""

import numpy as np
import pytest


def segmentations():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


@pytest.fixture
def make_surface(panel, ui, wait):
    """Presses Make surface and waits for the surface."""

    def made():
        ui.segmentBone.click()
        wait(lambda: not panel.review.surface.process.running)

    return made


def test_a_second_press_updates_the_segmentation(volume, panel, ui, make_surface, harness):
    ui.suggestThreshold.click()
    assert panel.parameters.threshold == ui.threshold.value > 0
    make_surface()
    make_surface()
    (node,) = segmentations()  # the second press updates it
    assert node.GetClosedSurfaceInternalRepresentation(node.GetSegmentation().GetNthSegmentID(0)).GetNumberOfPoints()
    assert ui.surfaceMessage.text == ""
    panel.parameters.threshold = 0.1
    ui.segmentBone.click()
    assert "lower the threshold" in ui.surfaceMessage.text
    assert not panel.review.surface.process.running


def test_the_surface_of_an_oblique_volume_is_that_of_add_bone(panel, make_surface):
    """`add_bone` extracts it in this process, which the panel never does."""
    import slicer
    from vtk.util.numpy_support import vtk_to_numpy

    from IXGSLib.geometry import Grid
    from IXGSLib.scene import add_volume
    from IXGSLib.scene.bone import add_bone
    from IXGSLib.volume import Volume

    turned = np.array([[0.8, -0.6, 0], [0.48, 0.64, -0.6], [0.36, 0.48, 0.8]])
    grid = Grid((20, 24, 28), (1.1, 0.9, 1.3), (12.0, -250.0, 1300.0), turned)
    distance = np.linalg.norm(grid.points() - grid.center, axis=-1)
    node = add_volume(slicer.mrmlScene, Volume(np.clip(0.03 * (8 - distance), 0, 0.05), grid))
    panel.parameters.volume, panel.parameters.threshold = node, 0.03
    make_surface()
    (bone,) = segmentations()
    add_bone(slicer.mrmlScene, node, 0.03)
    found, expected = (
        each.GetClosedSurfaceInternalRepresentation(each.GetSegmentation().GetNthSegmentID(0))
        for each in segmentations()
    )
    points = vtk_to_numpy(found.GetPoints().GetData())
    assert np.array_equal(points, vtk_to_numpy(expected.GetPoints().GetData()))
    assert np.allclose(points.mean(axis=0) * (-1, -1, 1), grid.center, atol=0.1)
    labels = slicer.vtkOrientedImageData()
    assert bone.GetBinaryLabelmapRepresentation(bone.GetSegmentation().GetNthSegmentID(0), labels)
    assert bone.GetDisplayNode().GetVisibility3D()


def test_extracting_a_surface_can_be_cancelled(volume, panel, ui, wait):
    panel.parameters.threshold = 0.01
    ui.segmentBone.click()
    assert ui.segmentBone.text == "Cancel"
    process = panel.review.surface.process._job._child.process
    ui.segmentBone.click()
    assert "Stopping" in ui.surfaceMessage.text
    wait(lambda: not panel.review.surface.process.running)
    assert process.poll() is not None
    assert "Cancelled" in ui.surfaceMessage.text
    assert segmentations() == []
    assert (ui.segmentBone.text, ui.segmentBone.enabled) == ("Make surface", True)


@pytest.mark.parametrize("end", ["volume", "scene", "other"])
def test_extraction_stops_when_its_volume_is_removed_or_replaced(volume, panel, ui, wait, end):
    import slicer

    panel.parameters.threshold = 0.01
    ui.segmentBone.click()
    process = panel.review.surface.process._job._child.process
    if end == "volume":
        slicer.mrmlScene.RemoveNode(volume)
    elif end == "scene":
        slicer.mrmlScene.Clear(0)
    else:
        panel.parameters.volume = slicer.util.addVolumeFromArray(np.ones((3, 3, 3), np.float32))
    assert not panel.review.surface.process.running
    wait(lambda: process.poll() is not None, 30)
    assert segmentations() == []
    assert ui.segmentBone.text == "Make surface"
    assert ui.segmentBone.enabled == (end == "other")


def test_a_crash_while_extracting_a_surface_is_one_message(volume, panel, ui, make_surface, monkeypatch, tmp_path):
    from IXGSPanel import surface

    script = tmp_path / "crash.py"
    script.write_text("import os; os._exit(7)")
    monkeypatch.setattr(surface, "MAKE_SURFACE", (str(script),))
    panel.parameters.threshold = 0.01
    make_surface()
    assert "ended unexpectedly with code 7" in ui.surfaceMessage.text
    assert ui.segmentBone.enabled


def test_a_volume_without_voxels_is_a_message(panel, ui):
    import slicer

    panel.parameters.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    for button in (ui.segmentBone, ui.suggestThreshold, ui.renderBone):
        button.click()
        assert "empty: a volume without voxels" in ui.surfaceMessage.text


def test_the_camera_is_reset_only_when_something_new_is_shown(volume, panel, ui, make_surface):
    import slicer

    layout = slicer.app.layoutManager()
    before = layout.resets
    for made, expected in ((make_surface, 1), (make_surface, 1), (ui.renderBone.click, 2), (ui.renderBone.click, 2)):
        made()
        assert layout.resets - before == expected
    ui.renderBone.click()
    assert layout.resets - before == 2


def test_the_rendering_follows_the_threshold(volume, panel, ui, wait):
    def opacity(value):
        display = volume.GetNthDisplayNode(volume.GetNumberOfDisplayNodes() - 1)
        return display.GetVolumePropertyNode().GetVolumeProperty().GetScalarOpacity().GetValue(value)

    panel.parameters.threshold = 0.01
    ui.renderBone.click()
    assert opacity(0.012) > 0
    panel.parameters.threshold = 0.05
    wait(lambda: opacity(0.012) == 0)


def test_a_message_about_bone_is_taken_back_with_its_cause(volume, panel, ui):
    panel.parameters.threshold = 0.1
    ui.segmentBone.click()
    assert "lower the threshold" in ui.surfaceMessage.text
    panel.parameters.preset = "fine"  # which has nothing to do with it
    assert "lower the threshold" in ui.surfaceMessage.text
    panel.parameters.threshold = 0.02
    assert ui.surfaceMessage.text == ""


def test_the_surface_is_shown_and_hidden(volume, panel, ui, make_surface):
    assert not ui.showSurface.enabled
    assert not ui.editSegments.enabled
    panel.parameters.threshold = 0.01
    make_surface()
    (node,) = segmentations()
    assert ui.showSurface.enabled
    assert ui.editSegments.enabled
    assert ui.showSurface.checked
    ui.showSurface.click()
    assert not node.GetDisplayNode().GetVisibility3D()
    ui.showSurface.click()
    assert node.GetDisplayNode().GetVisibility3D()


def test_the_segmentation_is_handed_over_to_the_segment_editor(volume, panel, ui, make_surface, monkeypatch):
    import types

    import slicer

    panel.parameters.threshold = 0.01
    make_surface()
    given = {}
    editor = types.SimpleNamespace(
        setSegmentationNode=lambda node: given.update(segmentation=node),
        setSourceVolumeNode=lambda node: given.update(volume=node),
    )
    module = types.SimpleNamespace(editor=editor)
    monkeypatch.setattr(slicer.modules, "SegmentEditorWidget", module, raising=False)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: given.update(module=name))
    ui.editSegments.click()
    assert given == {"module": "SegmentEditor", "segmentation": segmentations()[0], "volume": volume}
