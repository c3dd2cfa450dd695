"""The quick look of section 4 with real child processes and the networks that come with IXGS."""

import pytest

from .test_reconstruction import volumes


@pytest.fixture
def standardized(read):
    """The panel with X-rays that the network standardizes."""
    read.parameters.standardization = "pix2pix"
    return read


def look(panel, ui, wait):
    ui.quickLookButton.click()
    wait(lambda: not panel.reconstruction.running)
    (node,) = volumes()
    return node


def test_it_says_what_it_needs(read, ui):
    assert ui.applyButton.enabled
    assert not ui.quickLookButton.enabled
    assert "network" in ui.quickLookButton.toolTip
    read.parameters.standardization = "pix2pix"
    assert ui.quickLookButton.enabled
    assert "expects" in ui.quickLookButton.toolTip
    read.parameters.learnedPrior = False
    assert not ui.quickLookButton.enabled
    assert "learned bone" in ui.quickLookButton.toolTip


def test_the_networks_are_loaded_before_they_are_asked_for(read, ui, wait):
    quick_look = read.reconstruction.quick_look
    assert quick_look.process._ready is None
    read.parameters.standardization = "pix2pix"
    waiting = quick_look.process._ready
    assert waiting.poll() is None
    read.reconstruction.check()
    assert quick_look.process._ready is waiting
    ui.quickLookButton.click()
    assert quick_look.process._job._child is waiting
    wait(lambda: not read.reconstruction.running)
    assert len(volumes()) == 1
    assert quick_look.process._ready.poll() is None


def test_closing_the_scene_ends_the_process_that_waits(standardized, wait):
    import slicer

    waiting = standardized.reconstruction.quick_look.process._ready
    slicer.mrmlScene.Clear(0)
    assert standardized.reconstruction.quick_look.process._ready is None
    wait(lambda: waiting.poll() is not None, 60)


def test_it_waits_for_xrays_as_apply_does(panel, ui):
    assert not ui.quickLookButton.enabled
    assert ui.quickLookButton.toolTip == ui.applyButton.toolTip


def test_the_volume_is_shown_and_is_no_result_of_a_run(standardized, ui, wait, harness):
    import slicer

    ui.quickLookButton.click()
    assert (ui.applyButton.enabled, ui.quickLookButton.enabled, ui.cancelButton.enabled) == (False, False, True)
    assert "quick look is running" in ui.applyButton.toolTip
    harness.turns.clear()
    wait(lambda: not standardized.reconstruction.running)
    (node,) = volumes()
    assert node.GetName() == "IXGS quick look"
    assert "Nothing was fitted" in ui.status.text
    assert "Poses" not in ui.status.text
    assert "other patients" in ui.log.plainText
    assert node.GetAttribute("IXGS.Run") is None
    assert standardized.parameters.volume is None
    assert slicer.util.arrayFromVolume(node).max() > 0
    composite = slicer.app.layoutManager().mrmlSliceLogics().GetItemAsObject(0).GetSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == node.GetID()
    assert (ui.applyButton.enabled, ui.cancelButton.enabled, ui.progress.visible) == (True, False, False)
    assert max(harness.turns) < 0.1
    again = look(standardized, ui, wait)
    assert again.GetID() == node.GetID()
    slicer.mrmlScene.RemoveNode(again)
    assert standardized.reconstruction.quick_look.node is None


def test_cancel_stops_it_and_leaves_nothing(standardized, ui, wait):
    ui.quickLookButton.click()
    job = standardized.reconstruction.quick_look.process._job
    ui.cancelButton.click()
    wait(lambda: not standardized.reconstruction.running)
    assert job._child.process.poll() is not None
    assert "Cancelled" in ui.status.text
    assert volumes() == []
    assert ui.quickLookButton.enabled


def test_a_failure_is_told_in_the_words_of_the_job(standardized, ui, wait, monkeypatch, tmp_path):
    plan = standardized.reconstruction.plan
    words = ["-m", "IXGSLib", "estimate", str(tmp_path / "nothing"), "--out", str(tmp_path / "out"), "--json"]
    monkeypatch.setattr(plan, "quick_command", lambda out: words)
    ui.quickLookButton.click()
    wait(lambda: not standardized.reconstruction.running)
    assert "The quick look failed" in ui.status.text
    assert "nothing" in ui.status.text
    assert volumes() == []


def test_choices_become_arguments(standardized, tmp_path):
    import slicer

    from IXGSLib.scene.regions import add_region

    weights = tmp_path / "own.safetensors"
    weights.write_bytes(b"")
    standardized.parameters.weights = str(weights)
    standardized.parameters.region = add_region(slicer.mrmlScene, standardized.selection.reading.grid)
    standardized.parameters.leftOut = '["001"]'
    words = standardized.reconstruction.plan.quick_command(tmp_path / "out")
    assert words[:3] == ["-m", "IXGSLib", "estimate"]
    assert words[words.index("--weights") + 1] == str(weights)
    assert words[words.index("--leave-out") + 1] == "001"
    assert {"--center", "--size", "--spacing", "--direction", "--json", "--stop-on-eof"} <= set(words)


def test_closing_the_scene_abandons_it(standardized, ui):
    import slicer

    ui.quickLookButton.click()
    slicer.mrmlScene.Clear(0)
    assert not standardized.reconstruction.running
    assert volumes() == []
