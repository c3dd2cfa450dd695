"""The test of the module in Slicer: from the sample case to a rating, with the buttons of the panel."""

from __future__ import annotations

import os
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

TIMEOUT_SECONDS = 900


def reconstruct_sample(test: Any) -> None:
    """Reconstruct and review the sample case; raises SkipTest if packages are missing, AssertionError on failure."""
    slicer.util.selectModule("IXGS")
    panel = slicer.util.getModuleWidget("IXGS").panel
    missing = panel.requirements.missing()
    if missing:
        raise unittest.SkipTest(f"needs {', '.join(missing)}; press Apply in the module to install them")
    ui = panel.ui
    with tempfile.TemporaryDirectory() as folder:
        before = panel.ui.outputFolder.currentPath
        panel.ui.outputFolder.currentPath = folder
        panel.parameters.preset = "preview"
        test.delayDisplay("Reading the sample case")
        ui.sampleCase.click()
        wait(lambda: panel.selection.reading is not None)
        assert ui.viewsTable.rowCount == 25
        screenshot("xrays")
        test.delayDisplay("Reconstructing")
        ui.applyButton.click()
        wait(lambda: panel.reconstruction.volume.node is not None)
        screenshot("running")
        wait(lambda: not panel.reconstruction.running)
        volume = panel.parameters.volume
        assert volume is not None, ui.status.text
        wait(lambda: panel.parameters.threshold > 0)
        test.delayDisplay("Reviewing")
        ui.segmentBone.click()
        ui.renderBone.click()
        ui.patientAxes.click()
        ui.compare.click()
        wait(lambda: not panel.review.comparison.process.running and not panel.review.surface.process.running)
        assert volume.GetNodeReference("IXGS.Bone") is not None, ui.surfaceMessage.text
        screenshot("review")
        ui.overall.currentIndex = 4
        ui.reader.setText("selftest")
        ui.saveRating.click()
        assert (Path(volume.GetAttribute("IXGS.Run")) / "rating-selftest.json").is_file()
        panel.ui.outputFolder.currentPath = before


def wait(condition: Callable[[], bool]) -> None:
    """Process events until the condition holds; raises AssertionError after TIMEOUT_SECONDS."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < end, f"the condition did not hold within {TIMEOUT_SECONDS} s"
        slicer.app.processEvents()
        time.sleep(0.02)


def screenshot(name: str) -> None:
    """Save a picture of the main window in the folder that IXGS_SCREENSHOTS names, if it is set."""
    folder = os.environ.get("IXGS_SCREENSHOTS")
    if folder:
        slicer.app.processEvents()
        slicer.util.mainWindow().grab().save(str(Path(folder) / f"slicer_{name}.png"))
