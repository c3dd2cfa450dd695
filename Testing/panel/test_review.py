"""Section 5: a finished run, displayed, compared and rated."""

import hashlib
import json

import numpy as np
import pytest

from Testing.panel.conftest import SMALL


@pytest.fixture(scope="session")
def finished(small_case, tmp_path_factory):
    """The folder of a finished run on the small case."""
    from IXGSLib.cli import main

    folder = tmp_path_factory.mktemp("review")
    (folder / "settings.json").write_text(json.dumps(SMALL))
    words = ["reconstruct", small_case, "--out", folder / "run", "--preset", "preview", "--json"]
    assert main([str(word) for word in [*words, "--settings", folder / "settings.json"]]) == 0
    return folder / "run"


@pytest.fixture
def volume(finished, panel):
    """The volume of the run, selected in the panel."""
    import slicer

    from IXGSLib.scene.runs import load_run

    node = load_run(slicer.mrmlScene, finished)
    panel.parameters.volume = node
    return node


def test_without_a_volume_the_section_says_what_to_do(panel, ui):
    assert "press Apply" in ui.volumeMessage.text
    assert not ui.segmentBone.enabled
    assert not ui.openReport.enabled
    assert not ui.measured.visible


def test_a_volume_without_a_run_can_be_segmented_but_not_rated(panel, ui):
    import slicer

    panel.parameters.volume = slicer.util.addVolumeFromArray(np.ones((3, 3, 3), np.float32))
    assert "not on this computer" in ui.volumeMessage.text
    assert ui.segmentBone.enabled
    assert not ui.saveRating.enabled


def test_the_agreement_with_the_x_rays_is_shown(volume, ui):
    assert "dB" in ui.volumeMessage.text
    assert ui.openReport.enabled


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
    process = panel.review.surface.process._job._process
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
    process = panel.review.surface.process._job._process
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


def test_a_slice_view_of_unknown_orientation_is_a_message(volume, panel, ui):
    import slicer

    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Other")
    other.SetDefaultOrientation("Reformat")
    ui.patientAxes.click()
    assert "Other" in ui.slicesMessage.text


def test_the_rendering_follows_the_threshold(volume, panel, ui, wait):
    def opacity(value):
        display = volume.GetNthDisplayNode(volume.GetNumberOfDisplayNodes() - 1)
        return display.GetVolumePropertyNode().GetVolumeProperty().GetScalarOpacity().GetValue(value)

    panel.parameters.threshold = 0.01
    ui.renderBone.click()
    assert opacity(0.012) > 0
    panel.parameters.threshold = 0.05
    wait(lambda: opacity(0.012) == 0)


def test_three_clicks_align_the_slices_with_a_vertebra(volume, panel, ui):
    import slicer

    from IXGSLib.geometry.anatomy import vertebra_axes

    ui.vertebraAxes.click()
    assert "left pedicle" in ui.slicesMessage.text
    before, points = len(panel.review.vertebra.Observations), panel.review.vertebra.points
    clicks = np.array([[20.0, 5, 3], [-18, 8, 1], [1, -25, 4]])  # LPS
    for n, asked in enumerate(("right pedicle", "front", "aligned with the vertebra")):
        points.AddControlPoint(*(clicks[n] * (-1, -1, 1)))
        assert asked in ui.slicesMessage.text
    axes = vertebra_axes(*clicks)
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceToRAS()
    normal = np.array([red.GetElement(row, 2) for row in range(3)]) * (-1, -1, 1)
    assert abs(normal @ axes[:, 2]) == pytest.approx(1)
    assert len(panel.review.vertebra.Observations) == before - 1
    ui.patientAxes.click()
    assert abs(red.GetElement(2, 2)) == pytest.approx(1)


def test_asking_for_landmarks_can_be_restarted_and_abandoned(volume, panel, ui):
    import slicer

    before = len(panel.review.vertebra.Observations)
    ui.vertebraAxes.click()
    ui.vertebraAxes.click()
    assert len(slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")) == 1
    slicer.mrmlScene.RemoveNode(panel.review.vertebra.points)
    assert panel.review.vertebra.points is None
    assert len(panel.review.vertebra.Observations) == before


def test_the_volume_is_compared_with_its_x_rays(volume, read, ui, wait):
    ui.compare.click()
    wait(lambda: not read.review.comparison.process.running)
    assert ui.comparedView.count == len(read.selection.reading.xrays)
    assert "dB" in ui.comparisonMessage.text
    assert not ui.measured.pixmap.isNull()
    assert not ui.rendered.pixmap.isNull()


def test_comparison_needs_the_x_rays_of_the_volume(volume, panel, ui):
    ui.compare.click()
    assert "X-rays of this volume" in ui.comparisonMessage.text
    assert not panel.review.comparison.process.running


def test_comparison_refuses_other_x_rays_of_the_same_name(volume, read, ui, monkeypatch):
    from dataclasses import replace

    other = {name: digest[::-1] for name, digest in read.selection.reading.hashes.items()}
    read.selection.reading = replace(read.selection.reading, hashes=other)
    ui.compare.click()
    assert not read.review.comparison.process.running
    assert "not made from the files of section 1" in ui.comparisonMessage.text
    read.selection.reading = replace(read.selection.reading, name="renamed", hashes={})
    read.update()
    ui.compare.click()
    assert not read.review.comparison.process.running


def test_a_run_of_standardized_x_rays_is_compared_with_the_x_rays_themselves(panel):
    from IXGSPanel.comparison import sources

    made = {"source": {"files": {"images/a.tiff": "1", "case.json": "2"}}}
    assert sources({"inputs": {"a": "3"}, "standardization": made}) == [{"3"}, {"1", "2"}]
    assert sources({"inputs": {"a": "3"}, "standardization": None}) == [{"3"}]


def test_the_pictures_of_other_x_rays_are_removed(volume, read, ui, wait):
    ui.compare.click()
    wait(lambda: not read.review.comparison.process.running)
    read.parameters.casePath = ""
    assert not ui.measured.visible
    assert ui.comparisonMessage.text == ""
    ui.compare.click()
    assert "X-rays of this volume" in ui.comparisonMessage.text


def test_a_click_opens_the_pair_large_with_a_border_to_move(volume, read, ui, wait):
    from PySide6 import QtCore, QtTest

    ui.compare.click()
    wait(lambda: not read.review.comparison.process.running)
    ui.comparedView.currentIndex = 1
    QtTest.QTest.mouseClick(ui.measured, QtCore.Qt.MouseButton.LeftButton)
    viewer = read.review.comparison.enlarger.viewer
    assert viewer.dialog.windowTitle == "001"
    assert viewer.picture.pixmap.width() >= 640
    images = []
    for position in (0, 100):
        viewer.slider.value = position
        images.append(viewer.picture.pixmap.toImage())
    assert images[0] != images[1]
    viewer.step(-2)
    assert viewer.dialog.windowTitle == read.selection.xrays[-1].id
    viewer.dialog.close()


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


def test_a_run_of_the_command_line_is_loaded_and_reviewed(finished, panel, ui, wait, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(finished))
    ui.loadRun.click()
    wait(lambda: panel.parameters.volume is not None)
    assert "dB" in ui.volumeMessage.text
    assert ui.saveRating.enabled
    assert not ui.reviewButton.collapsed
    assert ui.xraysButton.collapsed
    assert panel.parameters.threshold > 0
    assert not ui.runMessage.visible


def test_a_folder_without_a_finished_run_is_a_message(panel, ui, wait, tmp_path):
    panel.review.loading.load(tmp_path)
    wait(lambda: "no finished run" in ui.runMessage.text)
    assert ui.loadRun.enabled
    assert panel.parameters.volume is None


def test_points_of_a_vertebra_do_not_stay(volume, panel, ui):
    import slicer

    ui.vertebraAxes.click()
    points = panel.review.vertebra.points
    for place in ([-20.0, -5, 3], [18, -8, 1], [-1, 25, 4]):
        points.AddControlPoint(*place)
    assert "aligned with the vertebra" in ui.slicesMessage.text
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") == []


def rate(ui, reader, overall=4):
    ui.overall.currentIndex, ui.reader.text = overall, reader
    ui.saveRating.click()


@pytest.fixture
def rated_run(finished, panel, tmp_path):
    """A copy of the run, in which ratings are saved."""
    import shutil

    import slicer

    from IXGSLib.scene.runs import load_run

    folder = shutil.copytree(finished, tmp_path / "rated")
    panel.parameters.volume = load_run(slicer.mrmlScene, folder)
    return folder


def test_no_rating_is_overwritten(rated_run, ui):
    rate(ui, "R. 7/b", 4)
    rate(ui, "R. 7/b", 2)
    mark = hashlib.sha256(b"R. 7/b").hexdigest()[:6]
    assert f"earlier rating is kept in rating-R-7-b-{mark}.json" in ui.ratingMessage.text
    rate(ui, "R-7-b", 5)  # another reader, whose name has almost the same file name
    assert "earlier" not in ui.ratingMessage.text
    kept = {path.name: json.loads(path.read_text()) for path in rated_run.glob("rating*.json")}
    assert {name: each["answers"]["overall"] for name, each in kept.items()} == {
        f"rating-R-7-b-{mark}.json": 4,
        f"rating-R-7-b-{mark}-2.json": 2,
        "rating-R-7-b.json": 5,
    }


def test_a_rating_needs_its_reader(rated_run, ui):
    rate(ui, " ")
    assert "initials or number" in ui.ratingMessage.text
    assert list(rated_run.glob("rating*")) == []
    ui.reader.text = "A"
    assert ui.ratingMessage.text == ""  # the message is taken back with its cause


def test_a_rating_is_saved_in_the_folder_of_the_run(rated_run, ui):
    ui.saveRating.click()
    assert "at least one" in ui.ratingMessage.text
    ui.overall.currentIndex, ui.pedicles.currentIndex = 4, 5
    ui.reader.text, ui.remarks.plainText = "R. 7/b", "Pedicle of L3 is blurred: ä"
    ui.saveRating.click()
    mark = hashlib.sha256(b"R. 7/b").hexdigest()[:6]
    kept = json.loads((rated_run / f"rating-R-7-b-{mark}.json").read_text(encoding="utf-8"))
    assert kept["answers"] == {"overall": 4, "pedicles": 5, "body": None, "navigation": None}
    assert (kept["reader"], kept["remarks"]) == ("R. 7/b", "Pedicle of L3 is blurred: ä")
    assert f"rating-R-7-b-{mark}.json" in ui.ratingMessage.text


@pytest.fixture
def blinded(finished, tmp_path, panel):
    """A volume of a reader study, selected in the panel; its folder is that of the first number."""
    import shutil

    import slicer

    from IXGSLib.scene.runs import load_run
    from IXGSLib.studies.readers.sets import SetSettings, make_sets

    for name in ("first", "second"):
        shutil.copytree(finished, tmp_path / name)
    runs = [tmp_path / "first", tmp_path / "second"]
    make_sets(runs, tmp_path / "sets", tmp_path / "key.json", SetSettings(readers=1, repeats=0.0))
    folder = tmp_path / "sets" / "set-1" / "001"
    panel.parameters.volume = load_run(slicer.mrmlScene, folder)
    return folder


def test_a_blinded_volume_is_rated_without_a_word_about_its_run(blinded, ui):
    assert "blinded volume of a reader study" in ui.volumeMessage.text
    assert "dB" not in ui.volumeMessage.text
    assert ui.saveRating.enabled
    assert not ui.openReport.enabled
    assert not ui.compare.enabled
    ui.pedicles.setCurrentIndex(4)
    ui.reader.text = "AB"
    ui.saveRating.click()
    assert "Saved as rating-AB.json" in ui.ratingMessage.text


def test_ratings_of_the_panel_are_those_that_the_analysis_reads(blinded, ui, tmp_path):
    from IXGSLib.studies.readers.key import Key
    from IXGSLib.studies.readers.ratings import read_ratings

    ui.overall.setCurrentIndex(5)
    ui.reader.text = "AB"
    ui.saveRating.click()
    found = read_ratings([tmp_path / "sets"], Key.load(tmp_path / "key.json"))
    (rating,) = found.ratings
    assert (rating.reader, rating.set, rating.number) == ("AB", "set-1", "001")
    assert rating.answers == {"overall": 5}
    assert rating.run in ("first", "second")
