"""What IXGSTest does in a real Slicer: from the sample case to a rating, through the panel's own buttons."""

from __future__ import annotations

import os
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

MOST_SECONDS = 900


def reconstruct_sample(test: Any) -> None:
    """Sample case, Apply, review; raises SkipTest where packages are missing, AssertionError where something fails."""
    slicer.util.selectModule("IXGS")
    panel = slicer.util.getModuleWidget("IXGS").panel
    missing = panel.requirements.missing()
    if missing:
        raise unittest.SkipTest(f"needs {', '.join(missing)}; press Apply in the module to install them")
    ui = panel.ui
    with tempfile.TemporaryDirectory() as folder:
        panel.parameters.outputFolder = folder
        panel.parameters.preset = "preview"
        test.delayDisplay("Reading the sample case")
        ui.sampleCase.click()
        wait(lambda: panel.xrays.reading is not None)
        assert ui.viewsTable.rowCount == 25
        screenshot("xrays")
        test.delayDisplay("Reconstructing")
        ui.applyButton.click()
        wait(lambda: panel.reconstruction.node is not None)
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
        wait(lambda: not panel.review.comparison.child.running and not panel.review.surface.child.running)
        assert volume.GetNodeReference("IXGS.Bone") is not None, ui.surfaceMessage.text
        screenshot("review")
        ui.overall.currentIndex = 4
        ui.saveRating.click()
        assert (Path(volume.GetAttribute("IXGS.Run")) / "rating.json").is_file()


def wait(condition: Callable[[], bool]) -> None:
    """Keep Slicer going until something holds; raises AssertionError when it never does."""
    end = time.monotonic() + MOST_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        slicer.app.processEvents()
        time.sleep(0.02)


def screenshot(name: str) -> None:
    """The main window into the folder that IXGS_SCREENSHOTS names, where it names one."""
    folder = os.environ.get("IXGS_SCREENSHOTS")
    if folder:
        slicer.app.processEvents()
        slicer.util.mainWindow().grab().save(str(Path(folder) / f"slicer_{name}.png"))
