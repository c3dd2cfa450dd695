"""Open the test panel on a screen; without a screen, or with --screenshots, take pictures of it.

The panel is that of the module, but the application around it is Testing/panel/harness: no picture shows 3D Slicer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "Resources" / "Screenshots"
SECTIONS = (
    *("xraysButton", "standardizationButton", "regionButton"),
    *("reconstructionButton", "reviewButton", "registrationButton"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screenshots", type=Path, help="write the pictures into this folder and exit")
    parser.add_argument("--registration", type=Path, help="take only the picture of a registration, from its folder")
    parser.add_argument("--review", type=Path, help="take only the picture of the review of a run, from its folder")
    options = parser.parse_args()
    screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("win32", "darwin"))
    folder = options.screenshots or (None if screen else PICTURES)
    if folder is not None or options.registration is not None or options.review is not None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(ROOT))
    from Testing.panel.harness import application

    installed = application.install()
    from Testing.panel.harness.views import SliceViews
    from Testing.panel.harness.window import PanelWindow

    window = PanelWindow(SliceViews())
    window.show()
    if options.registration is not None:
        take_registration(window, application.wait, options.registration, folder or PICTURES)
    elif options.review is not None:
        take_review(window, application.wait, options.review, folder or PICTURES)
    elif folder is None:
        window.run()
    else:
        take_pictures(window, application.wait, folder)
    window.dispose()
    application.remove(installed)


def take_pictures(window: Any, wait: Any, folder: Path) -> None:
    """Take pictures of the panel, from its start to the review of the sample case."""
    panel, ui = window.panel, window.panel.ui
    runs = tempfile.TemporaryDirectory()

    def open_only(*names: str) -> None:
        for name in SECTIONS:
            getattr(ui, name).collapsed = name not in names

    def take(name: str) -> None:
        window.picture(folder / f"panel_{name}.png")
        print(folder / f"panel_{name}.png")

    ui.outputFolder.currentPath = str(Path(runs.name) / "IXGS")
    take("start")
    images = Path(runs.name) / "X-rays"
    images.mkdir()
    panel.parameters.casePath = str(images)
    take("calibration")
    ui.sampleCase.click()
    wait(lambda: panel.selection.reading is not None, 300)
    take("xrays")
    open_only("standardizationButton", "regionButton")
    panel.parameters.standardization = "classical"
    ui.previewStandardization.click()
    wait(lambda: not panel.standardization.process.running, 300)
    ui.fitRegion.click()
    wait(lambda: False, 1)
    take("standardization_region")
    panel.parameters.standardization, panel.parameters.region = "auto", None
    open_only("reconstructionButton")
    ui.advancedButton.collapsed = False
    panel.parameters.settings = json.dumps({"steps": 3000})
    take("settings")
    panel.parameters.settings = "{}"
    ui.advancedButton.collapsed = True
    panel.parameters.preset, panel.parameters.refinePoses = "preview", True
    ui.applyButton.click()
    fraction = 0.4
    wait(lambda: "Step" in ui.status.text and ui.progress.value > fraction * ui.progress.maximum, 600)
    open_only("xraysButton", "reconstructionButton")
    take("running")
    wait(lambda: not panel.reconstruction.running and not ui.reviewButton.collapsed, 600)
    open_only("reviewButton")
    ui.compare.click()
    wait(lambda: not panel.review.comparison.process.running, 300)
    ui.comparedView.currentIndex = 12
    take("review")
    open_only("reconstructionButton")
    panel.selection.case = Path("/nowhere")
    ui.applyButton.click()
    wait(lambda: not panel.reconstruction.running, 300)
    ui.logButton.collapsed = False
    take("error")
    runs.cleanup()


def take_review(window: Any, wait: Any, run: Path, folder: Path) -> None:
    """Take a picture of section 5 with a run of the sample case, compared with its X-rays."""
    panel, ui = window.panel, window.panel.ui
    ui.sampleCase.click()
    wait(lambda: panel.selection.reading is not None, 600)
    panel.review.loading.load(run)
    wait(lambda: panel.parameters.volume is not None and panel.parameters.threshold > 0, 300)
    for name in SECTIONS:
        getattr(ui, name).collapsed = name != "reviewButton"
    ui.compare.click()
    wait(lambda: not panel.review.comparison.process.running, 600)
    ui.comparedView.currentIndex = 12
    wait(lambda: False, 1)
    window.picture(folder / "panel_review.png")
    print(folder / "panel_review.png")


def take_registration(window: Any, wait: Any, run: Path, folder: Path) -> None:
    """Take a picture of section 6 with a registration and a plan in its third vertebra."""
    import slicer

    panel, ui = window.panel, window.panel.ui
    panel.registration.loading.load(run)
    wait(lambda: panel.parameters.registration is not None, 300)
    ui.vertebraeTable.selectRow(2)
    plan = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Left screw")
    for offset in ((-20, 30, 5), (-8, -20, 2)):
        point = panel.registration.result.record.vertebrae[2].center_in_ct + offset
        plan.AddControlPoint(*(point * (-1, -1, 1)))
    ui.plan.setCurrentNode(plan)
    ui.movePlan.click()
    for name in SECTIONS:
        getattr(ui, name).collapsed = name != "registrationButton"
    window.picture(folder / "panel_registration.png")
    print(folder / "panel_registration.png")


if __name__ == "__main__":
    main()
