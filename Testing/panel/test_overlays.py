"""Section 5: the maps of the volume, over the slice views."""

import json
import shutil

import pytest


def composites():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


@pytest.fixture
def loaded(volume, panel, wait):
    """The confidence of the volume under review."""
    wait(lambda: panel.review.overlays.confidence.node is not None)
    return panel.review.overlays.confidence.node


def test_without_a_volume_there_is_nothing_to_show(ui):
    assert not ui.showConfidence.enabled
    assert not ui.showConfidence.checked


def test_it_is_loaded_with_its_volume_and_off_at_first(loaded, volume, ui):
    assert ui.showConfidence.enabled
    assert not ui.showConfidence.checked
    assert loaded.GetName() == f"{volume.GetName()} confidence"
    assert "of the bone surface" in ui.volumeMessage.text


def test_the_box_shows_it_over_the_volume(loaded, ui):
    ui.showConfidence.click()
    assert composites()
    assert {each.GetForegroundVolumeID() for each in composites()} == {loaded.GetID()}
    assert {each.GetForegroundOpacity() for each in composites()} == {0.7}
    ui.showConfidence.click()
    assert {each.GetForegroundVolumeID() for each in composites()} == {None}


def test_slice_views_show_one_map_at_a_time(panel, ui, finished, wait, tmp_path):
    import slicer

    from IXGSLib.scene.runs import load_run

    copy = shutil.copytree(finished, tmp_path / "copy")
    shutil.copy(copy / "confidence.nrrd", copy / "prior_share.nrrd")
    done = json.loads((copy / "done.json").read_text())
    done["outputs"]["prior_share.nrrd"] = done["outputs"]["confidence.nrrd"]
    (copy / "done.json").write_text(json.dumps(done))
    assert not ui.showPriorShare.enabled
    panel.parameters.volume = load_run(slicer.mrmlScene, copy)
    overlays = panel.review.overlays
    wait(lambda: overlays.confidence.node is not None and overlays.prior_share.node is not None)
    ui.showConfidence.click()
    ui.showPriorShare.click()
    assert not ui.showConfidence.checked
    assert {each.GetForegroundVolumeID() for each in composites()} == {overlays.prior_share.node.GetID()}
    ui.showPriorShare.click()
    assert {each.GetForegroundVolumeID() for each in composites()} == {None}


def test_another_volume_takes_the_overlay_away(loaded, panel, ui, finished, tmp_path):
    import slicer

    from IXGSLib.scene.runs import load_run

    ui.showConfidence.click()
    copy = shutil.copytree(finished, tmp_path / "copy")
    done = json.loads((copy / "done.json").read_text())
    del done["confidence"], done["outputs"]["confidence.nrrd"]
    (copy / "done.json").write_text(json.dumps(done))
    panel.parameters.volume = load_run(slicer.mrmlScene, copy)
    assert {each.GetForegroundVolumeID() for each in composites()} == {None}
    assert not ui.showConfidence.enabled
    assert "of the bone surface" not in ui.volumeMessage.text


def test_a_changed_file_is_a_message(panel, ui, finished, wait, tmp_path):
    import slicer

    from IXGSLib.scene.runs import load_run

    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "confidence.nrrd").write_bytes(b"nothing")
    panel.parameters.volume = load_run(slicer.mrmlScene, copy)
    wait(lambda: "not the file that the run wrote" in ui.confidenceMessage.text)
    assert not ui.showConfidence.enabled


def test_a_blinded_volume_shows_none(panel, ui, finished, tmp_path):
    import slicer

    from IXGSLib.scene.runs import load_run

    copy = shutil.copytree(finished, tmp_path / "copy")
    done = json.loads((copy / "done.json").read_text())
    (copy / "done.json").write_text(json.dumps(done | {"blinded": True}))
    panel.parameters.volume = load_run(slicer.mrmlScene, copy)
    assert not panel.review.overlays.confidence._loading.busy
    assert not ui.showConfidence.enabled


def test_a_removed_map_is_not_offered_any_more(loaded, panel, ui):
    import slicer

    slicer.mrmlScene.RemoveNode(loaded)
    panel.update()
    assert not ui.showConfidence.enabled
