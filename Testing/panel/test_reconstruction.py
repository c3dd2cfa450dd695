"""Section 4 with real child processes: Apply, previews, Cancel and failures."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

LONGEST_TURN = 0.1
"""Seconds that one turn of the event loop may take."""


def volumes():
    """The volume nodes of attenuation; that of confidence stands beside them."""
    import slicer

    from IXGSLib.scene.overlays import CONFIDENCE, overlay_node

    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    beside = {each.GetID() for node in nodes if (each := overlay_node(node, CONFIDENCE)) is not None}
    return [node for node in nodes if node.GetID() not in beside]


def test_apply_loads_the_volume(read, ui, wait, harness):
    events, previews = [], []
    read.reconstruction.process.event_received.connect(events.append)
    read.reconstruction.process.event_received.connect(lambda event: previews.extend(volumes()))
    harness.turns.clear()
    ui.applyButton.click()
    assert (ui.applyButton.enabled, ui.cancelButton.enabled) == (False, True)
    assert "running" in ui.applyButton.toolTip
    wait(lambda: not read.reconstruction.running)
    assert "Done" in ui.status.text, ui.status.text
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-1] == "done"
    assert any("preview" in event for event in events)
    assert {node.GetID() for node in previews} == {
        node.GetID() for node in volumes()
    }  # the node of the preview becomes that of the volume
    (node,) = volumes()
    run = Path(node.GetAttribute("IXGS.Run"))
    assert (run / "done.json").is_file()
    assert node is read.parameters.volume
    wait(lambda: not ui.reviewButton.collapsed)
    assert (ui.applyButton.enabled, ui.cancelButton.enabled) == (True, False)
    assert max(harness.turns) < LONGEST_TURN


def test_choices_become_arguments_of_the_child_processes(read, ui, harness, tmp_path):
    import slicer

    from IXGSLib.geometry import Grid
    from IXGSLib.scene.regions import add_region

    turned = [[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]
    grid = Grid.centered(read.selection.reading.grid.center, [12, 14, 16], 2.0, turned)
    read.parameters.region = add_region(slicer.mrmlScene, grid)
    read.parameters.voxelSize = 2.0
    read.parameters.standardization = "classical"
    first, second = read.reconstruction.plan.commands(tmp_path / "out")
    assert first[2] == "standardize"
    assert first[first.index("--method") + 1] == "classical"
    assert second[2:4] == ["reconstruct", str(tmp_path / "out-xrays")]
    direction = [float(word) for word in second[second.index("--direction") + 1 :][:9]]
    assert direction == pytest.approx([value for row in turned for value in row])
    settings = json.loads(Path(second[second.index("--settings") + 1]).read_text())
    assert settings["schedule.steps"] == 24
    assert settings["schedule.preview_every"] > 0
    read.parameters.livePreview = False
    assert "schedule.preview_every" not in json.loads(read.reconstruction.plan.settings_file().read_text())


def test_characters_that_no_folder_may_have_are_replaced_in_the_name_of_a_case(read, ui, monkeypatch, tmp_path):
    from dataclasses import replace

    read.selection.reading = replace(read.selection.reading, name="L3/L4: before?")
    monkeypatch.setattr(read.reconstruction.process, "start", lambda arguments: None)
    ui.applyButton.click()
    assert read.reconstruction.out == tmp_path / "runs" / "L3-L4- before--preview"


def test_cancel_stops_the_run_and_leaves_no_result(read, ui, wait):
    read.parameters.settings = json.dumps({"steps": 200_000, "gaussians": 400, "background_gaussians": 100})
    seen = []
    read.reconstruction.process.event_received.connect(seen.append)
    ui.applyButton.click()
    wait(lambda: any(event.get("step", 0) > 0 for event in seen))
    job = read.reconstruction.process._job
    began = time.monotonic()
    ui.cancelButton.click()
    assert "Stopping" in ui.status.text
    wait(lambda: not read.reconstruction.running)
    assert time.monotonic() - began < 20
    assert job._child.process.poll() is not None
    assert "Cancelled" in ui.status.text
    assert volumes() == []
    assert ui.applyButton.enabled


@pytest.fixture
def often(read, monkeypatch):
    """Real child processes that save a checkpoint after every step; the arguments of each that was started."""
    code = (
        "import sys; from IXGSLib.reconstruction import pipeline; pipeline.CHECKPOINT_SECONDS = 0.0;"
        "from IXGSLib.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    start, started = read.reconstruction.process.start, []

    def start_often(words):
        started.append(words)
        start(["-c", code, *words[2:]])

    monkeypatch.setattr(read.reconstruction.process, "start", start_often)
    return started


def cancel_early(read, ui, wait):
    """Start a long run and cancel it once it can be resumed; the step at which it was."""
    steps = []
    read.reconstruction.process.event_received.connect(lambda event: steps.append(event.get("step", 0)))
    ui.applyButton.click()
    wait(lambda: steps and steps[-1] > 5)
    ui.cancelButton.click()
    wait(lambda: not read.reconstruction.running)
    return max(steps)


def test_a_cancelled_run_is_resumed(read, ui, wait, often, tmp_path):
    read.parameters.settings = json.dumps({"steps": 200_000, "gaussians": 400, "background_gaussians": 100})
    assert not ui.resume.isVisibleTo(ui.resume.parent())
    step = cancel_early(read, ui, wait)
    out = read.reconstruction.out
    assert "resume" in ui.status.text
    assert ui.resume.isVisibleTo(ui.resume.parent())
    events = []
    read.reconstruction.process.event_received.connect(events.append)
    ui.applyButton.click()
    assert read.reconstruction.out == out
    assert not ui.resume.isVisibleTo(ui.resume.parent())
    wait(lambda: any(event.get("step") for event in events))
    ui.cancelButton.click()
    wait(lambda: not read.reconstruction.running)
    assert next(event["step"] for event in events if event.get("step")) >= step - 1
    assert ["--resume" in words for words in often] == [False, True]
    assert "resume" in ui.status.text


def test_only_a_run_with_the_same_choices_is_resumed_and_only_if_wanted(read, ui, wait, often, monkeypatch):
    read.parameters.settings = json.dumps({"steps": 200_000, "gaussians": 400, "background_gaussians": 100})
    cancel_early(read, ui, wait)
    first, offered = read.reconstruction.out, read.reconstruction.plan.unfinished_run
    assert offered() == first
    kept = read.parameters.settings
    for name, other in (("settings", '{"steps": 100}'), ("preset", "fine"), ("voxelSize", 3.0), ("leftOut", '["000"]')):
        before = getattr(read.parameters, name)
        setattr(read.parameters, name, other)
        assert offered() is None, name
        setattr(read.parameters, name, before)
    assert read.parameters.settings == kept
    assert offered() == first
    monkeypatch.setattr(read.reconstruction.process, "start", often.append)
    ui.resume.checked = False
    ui.applyButton.click()
    assert read.reconstruction.out == first.with_name(f"{first.name}-2")
    assert "--resume" not in often[-1]


def test_cancelling_restores_what_the_slice_views_showed(read, ui, wait):
    import slicer
    from IXGSPanel.run_volume import slice_states

    shown = slicer.util.addVolumeFromArray(np.ones((20, 20, 20), np.float32), name="CT")
    slicer.util.setSliceViewerLayers(background=shown, fit=True)

    def state():
        return [
            (
                each.background,
                [each.slice_to_ras.GetElement(r, c) for r in range(4) for c in range(4)],
                each.field_of_view,
            )
            for each in slice_states()
        ]

    before = state()
    long = {"steps": 200_000, "gaussians": 400, "background_gaussians": 100, "preview_every": 5}
    read.parameters.settings = json.dumps(long)
    ui.applyButton.click()
    wait(lambda: read.reconstruction.volume.node is not None)
    assert state() != before
    ui.cancelButton.click()
    wait(lambda: not read.reconstruction.running)
    assert state() == before


def test_the_outcome_of_a_run_is_taken_back_when_the_choices_change(read, ui, wait, tmp_path):
    case = read.selection.case
    read.selection.case = tmp_path / "gone"
    ui.applyButton.click()
    wait(lambda: not read.reconstruction.running)
    assert "failed" in ui.status.text
    read.parameters.threshold = 0.02  # which the run does not depend on
    assert "failed" in ui.status.text
    read.selection.case = case
    read.parameters.preset = "fine"
    assert "failed" not in ui.status.text


def test_the_folder_of_runs_is_a_choice_for_all_scenes(window, panel, ui, tmp_path):
    import slicer
    from IXGSPanel.folders import output_folder

    ui.outputFolder.currentPath = str(tmp_path / "mine")
    assert output_folder() == tmp_path / "mine"
    node = panel.parameters.parameterNode
    assert not any("mine" in node.GetParameter(name) for name in node.GetParameterNames())
    slicer.mrmlScene.Clear(0)
    assert ui.outputFolder.currentPath == str(tmp_path / "mine")
    ui.outputFolder.currentPath = ""
    assert output_folder().name == "IXGS"


def test_sections_that_are_done_fold_and_the_panel_scrolls_to_what_is_next(window, read, ui, wait):
    window.resize(window.width, 400)
    ui.applyButton.click()
    assert (ui.xraysButton.collapsed, ui.reconstructionButton.collapsed) == (True, False)
    wait(lambda: not read.reconstruction.running and not ui.reviewButton.collapsed)
    assert ui.xraysButton.collapsed
    assert ui.reconstructionButton.collapsed
    wait(lambda: window.in_sight(ui.volume), 10)


def test_an_error_of_the_child_process_is_one_message(read, ui, wait, small_case, tmp_path):
    read.selection.case = tmp_path / "gone"
    ui.applyButton.click()
    wait(lambda: not read.reconstruction.running)
    assert "failed" in ui.status.text
    assert "gone" in ui.status.text
    assert volumes() == []
    assert ui.applyButton.enabled


def test_a_crash_of_the_child_process_is_one_message(read, ui, wait, monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)" if os.name == "posix" else "import os; os._exit(7)"
    monkeypatch.setattr(read.reconstruction.plan, "commands", lambda out: [["-c", code]])
    ui.applyButton.click()
    wait(lambda: not read.reconstruction.running)
    assert "ended unexpectedly" in ui.status.text


@pytest.mark.skipif(os.name != "posix", reason="the child process of the test ignores POSIX signals")
def test_a_child_process_that_does_not_stop_is_killed_with_its_children(read, ui, wait, monkeypatch):
    from IXGSLib.runs import job

    monkeypatch.setattr(job, "KILL_AFTER_SECONDS", 0.2)
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        """print('{"event": "child", "pid": %d}' % child.pid, flush=True); time.sleep(600)"""
    )
    monkeypatch.setattr(read.reconstruction.plan, "commands", lambda out: [["-c", code]])
    seen = []
    read.reconstruction.process.event_received.connect(seen.append)
    ui.applyButton.click()
    wait(lambda: seen)
    ui.cancelButton.click()
    wait(lambda: not read.reconstruction.running, 20)

    def gone():
        status = Path(f"/proc/{seen[0]['pid']}/status")
        return not status.exists() or "State:\tZ" in status.read_text()

    wait(gone, 10)


def test_only_apply_offers_to_install_missing_packages(window, wait, packages, small_case):
    panel, ui = window.panel, window.panel.ui
    packages.names = ["torch", "numba"]
    panel.parameters.casePath = str(small_case)
    assert "torch, numba" in ui.xraysMessage.text
    assert packages.asked == 0
    assert panel.selection.reading is None
    assert ui.applyButton.enabled
    packages.answer = "User declined package installation"
    ui.applyButton.click()
    assert "declined" in ui.status.text
    assert not panel.reconstruction.running
    packages.answer = ""
    started = []
    panel.reconstruction._start = lambda: started.append(True)
    ui.applyButton.click()
    wait(lambda: started)
    assert packages.asked == 2
    assert panel.selection.reading is not None
