"""How the panel reacts when the scene is closed, saved or loaded, and when nodes are removed."""

import inspect
import json
import re

import numpy as np
import pytest


def start_long_run(panel, ui, wait, **settings):
    long = {"steps": 200_000, "gaussians": 400, "background_gaussians": 100, **settings}
    panel.parameters.settings = json.dumps(long)
    ui.applyButton.click()
    wait(lambda: panel.reconstruction.volume.node is not None)


def observations(panel):
    """How many observers the panel and its sections have."""
    observing = (panel, panel.state, panel.region, panel.review.vertebra, panel.registration.plans)
    return sum(len(each.Observations) for each in observing)


def test_closing_the_scene_stops_a_run(read, ui, wait):
    import slicer

    before = observations(read)
    start_long_run(read, ui, wait, preview_every=5)
    process = read.reconstruction.process._job._child.process
    slicer.mrmlScene.Clear(0)
    assert not read.reconstruction.running
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
    assert observations(read) == before
    assert read.parameters.casePath == ""
    assert ui.viewsTable.rowCount == 0
    assert "Sample case" in ui.xraysMessage.text
    wait(lambda: process.poll() is not None, 30)


def test_removing_the_region_cancels_a_run(read, ui, wait):
    import slicer

    ui.fitRegion.click()
    assert read.parameters.region is not None
    before = observations(read)
    start_long_run(read, ui, wait, preview_every=5)
    slicer.mrmlScene.RemoveNode(read.parameters.region)
    wait(lambda: not read.reconstruction.running, 30)
    assert "Cancelled" in ui.status.text
    wait(lambda: observations(read) == before - 1)
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []


def test_cleanup_leaves_no_observers(window, monkeypatch):
    import slicer

    panel, node = window.panel, window.panel.parameters.parameterNode
    assert observations(panel)
    assert node.HasObserver("ModifiedEvent")
    panel.cleanup()
    assert observations(panel) == 0
    assert not node.HasObserver("ModifiedEvent")
    monkeypatch.setattr(panel, "open", lambda: pytest.fail("the panel still observes the scene"))
    slicer.mrmlScene.Clear(0)


@pytest.mark.parametrize("suffix", ["mrml", "mrb"])
def test_choices_are_saved_with_the_scene(read, ui, wait, tmp_path, suffix):
    import slicer

    ui.fitRegion.click()
    p = read.parameters
    p.preset, p.voxelSize, p.leftOut, p.threshold = "fine", 2.5, '["001"]', 0.015
    p.volume = slicer.util.addVolumeFromArray(np.ones((3, 3, 3), np.float32), name="bone")
    case, settings, centre = p.casePath, p.settings, read.region.grid().center
    path = tmp_path / f"scene.{suffix}"
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    if suffix == "mrb":
        assert slicer.mrmlScene.WriteToMRB(str(path))
        slicer.mrmlScene.Clear(0)
        assert slicer.mrmlScene.ReadFromMRB(str(path), True)
    else:
        slicer.mrmlScene.SetURL(str(path))
        assert slicer.mrmlScene.Commit()
        slicer.mrmlScene.Clear(0)
        slicer.mrmlScene.SetURL(str(path))
        assert slicer.mrmlScene.Import()
    p = read.parameters
    assert (p.preset, p.voxelSize, p.leftOut, p.threshold) == ("fine", 2.5, '["001"]', 0.015)
    assert (p.casePath, p.settings) == (case, settings)
    wait(lambda: read.selection.reading is not None)
    assert [xray.id for xray in read.selection.reading.xrays if xray.id not in read.selection.unticked]
    assert ui.preset.currentIndex == 2
    if suffix == "mrb":
        assert p.region.GetName() == "Region"
        assert p.volume.GetName() == "bone"
        wait(lambda: ui.regionMessage.text.startswith("The region: "))
        assert ui.region.currentNode() is p.region
        assert ui.segmentBone.enabled
        assert read.region.grid().center == pytest.approx(centre, abs=1e-3)


def test_a_removed_region_or_volume_is_not_kept(read, ui, wait):
    import slicer

    ui.fitRegion.click()
    read.parameters.volume = slicer.util.addVolumeFromArray(np.ones((3, 3, 3), np.float32))
    assert ui.segmentBone.enabled
    for name in ("region", "volume"):
        slicer.mrmlScene.RemoveNode(getattr(read.parameters, name))
        assert getattr(read.parameters, name) is None
    assert not ui.segmentBone.enabled
    wait(lambda: ui.regionMessage.text.startswith("The region of the case"))


def test_scenes_saved_by_earlier_versions_can_be_read(panel):
    """The names under which the parameters are saved with a scene."""
    from IXGSPanel import parameters

    saved = """
        source casePath calibrationPath pixelValues openField pixelSize sourceDetector sceneValues leftOut showCArm
        standardization weights region voxelSize preset device livePreview settings lastRun volume
        threshold refinePoses rotationError shiftError refinementDecidedFor tagConventions calibrationFormat
        calibrationUnit sceneValues sceneOpenField ct ctVertebrae levels registrationStart registrationSettings
        registration showOutlines
    """
    source = inspect.getsource(parameters)
    assert set(saved.split()) <= set(re.findall(r"^    (\w+): ", source, re.MULTILINE))
