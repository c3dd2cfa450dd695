"""The panel and the scene that it lives in: closing, deleting, saving and loading."""

import json

import pytest


def running(panel, ui, wait, **settings):
    long = {"steps": 200_000, "gaussians": 400, "background_gaussians": 100, **settings}
    panel.parameters.settings = json.dumps(long)
    ui.applyButton.click()
    wait(lambda: panel.reconstruction.node is not None)


def test_closing_the_scene_in_mid_run_stops_it(read, ui, wait):
    import slicer

    before = len(read.Observations)
    running(read, ui, wait, preview_every=5)
    process = read.reconstruction.child._job._process
    slicer.mrmlScene.Clear(0)
    assert not read.reconstruction.running
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
    assert len(read.Observations) == before
    assert read.parameters.casePath == ""
    assert ui.viewsTable.rowCount == 0
    assert "Sample case" in ui.xraysMessage.text
    wait(lambda: process.poll() is not None, 30)


def test_deleting_the_region_in_mid_run_stops_it(read, ui, wait):
    import slicer

    ui.fitRegion.click()
    assert read.parameters.region is not None
    before = len(read.Observations)
    running(read, ui, wait, preview_every=5)
    slicer.mrmlScene.RemoveNode(read.parameters.region)
    wait(lambda: not read.reconstruction.running, 30)
    assert "Cancelled" in ui.status.text
    wait(lambda: len(read.Observations) == before - 1)
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []


def test_cleanup_leaves_no_observers(window, monkeypatch):
    import slicer

    panel, node = window.panel, window.panel.parameters.parameterNode
    assert panel.Observations
    assert node.HasObserver("ModifiedEvent")
    panel.cleanup()
    assert panel.Observations == []
    assert not node.HasObserver("ModifiedEvent")
    monkeypatch.setattr(panel, "open", lambda: pytest.fail("the panel still listens"))
    slicer.mrmlScene.Clear(0)


@pytest.mark.parametrize("suffix", ["mrml", "mrb"])
def test_choices_survive_a_saved_scene(read, ui, wait, tmp_path, suffix):
    import slicer

    ui.fitRegion.click()
    p = read.parameters
    p.preset, p.voxelSize, p.leftOut, p.threshold = "fine", 2.5, '["001"]', 0.015
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
    wait(lambda: read.xrays.reading is not None)
    assert [shot.id for shot in read.xrays.reading.shots if shot.id not in read.xrays.table.left_out()]
    assert ui.preset.currentIndex == 2
    if suffix == "mrb":
        assert read.region.grid().center == pytest.approx(centre, abs=1e-3)
