"""The states in which a user meets the panel, for pictures and for checks of its layout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"steps": 60, "coarse_steps": 20, "refit_steps": 10, "gaussians": 4000, "background_gaussians": 200}
"""Of a run for pictures of the panel, in which its volume is not seen."""
SECTIONS = (
    *("xraysButton", "standardizationButton", "regionButton"),
    *("reconstructionButton", "reviewButton", "registrationButton"),
)
REFINEMENT = {
    "verified": False,
    "doubts": ["the X-rays determine the longitudinal shift badly", "2 of 25 views agree with no other"],
    "disagreement": {"before": 0.71, "after": 0.38},
    "views": [
        {"id": "000", "state": "refined", "rotation": 2.1, "shift": 4.2, "beam": 1.0, "before": 0.7, "after": 0.3},
        {"id": "001", "state": "left out", "rotation": 0, "shift": 0, "beam": 0, "before": 0.9, "after": 0.9},
    ],
}
"""What a run says about poses that could not be verified, for the room that it takes."""
REASONS = [
    "the X-rays fit their poses badly, with 61% of the disagreement of images in random order (expected at most 51%)"
]


class Inputs:
    """What the states show, made once and kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.case = ROOT / "Resources" / "SampleCase"
        folder.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Make what is missing, in child processes."""
        if not (self.folder / "reading" / "reading.json").is_file():
            (self.folder / "reading").mkdir(exist_ok=True)
            self._run("IXGSLib.jobs.read_case", self.case, "--out", self.folder / "reading")
        if not (self.folder / "run" / "done.json").is_file():
            (self.folder / "settings.json").write_text(json.dumps(SETTINGS))
            words = ["reconstruct", self.case, "--out", self.folder / "run", "--preset", "preview"]
            self._run("IXGSLib", *words, "--settings", self.folder / "settings.json")
        if not (self.folder / "renders" / "renders.json").is_file():
            (self.folder / "renders").mkdir(exist_ok=True)
            words = [self.folder / "run", "--reading", self.folder / "reading", "--out", self.folder / "renders"]
            self._run("IXGSLib.jobs.render_views", *words)
        if not (self.folder / "spine-ct").is_dir():
            from Testing.registration.folders import written

            written(self.folder / "spine-ct", {"L4": ("restarts end 3.0 mm apart, expected at most 1 mm",)})

    def _run(self, module: str, *words: Any) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        environment.pop("QT_SCALE_FACTOR", None)
        command = [sys.executable, "-m", module, *map(str, words)]
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process:  # it ends with its input
            assert process.wait() == 0, f"{module} failed"

    def copy(self, name: str) -> Path:
        """A copy of a folder, which the panel may delete or a state may change."""
        target = self.folder / "copies" / name
        shutil.rmtree(target, ignore_errors=True)
        return shutil.copytree(self.folder / name, target)


class States:
    """Brings the panel into one state after the other.

    wait: runs the event loop until a condition holds.
    """

    def __init__(self, window: Any, wait: Callable[..., Any], inputs: Inputs) -> None:
        self.panel, self.ui, self.wait, self.inputs = window.panel, window.panel.ui, wait, inputs

    def all(self) -> dict[str, Callable[[], None]]:
        """What brings about each state, in an order in which they follow each other."""
        names = [name for name in vars(States) if not name.startswith("_") and name not in ("all", "show_only")]
        return {name: getattr(self, name) for name in names}

    def show_only(self, *names: str) -> None:
        for name in SECTIONS:
            getattr(self.ui, name).collapsed = name not in names

    # 1 to 3

    def start(self) -> None:
        self.show_only("xraysButton")

    def images_without_poses(self) -> None:
        folder = self.inputs.folder / "X-rays"
        folder.mkdir(exist_ok=True)
        self.panel.parameters.casePath = str(folder)

    def unreadable(self) -> None:
        self.panel.xrays.reader.discard()
        self.panel.xrays._on_failed("geometry.xml: the source is 0.6 mm from the region; choose m as Unit of length")

    def scene_list(self) -> None:
        import slicer

        self.panel.parameters.casePath = ""
        self.panel.parameters.source = "scene"
        for name in ("AP", "Lateral with a long name from the scanner"):
            image = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
            pose = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", f"{name} pose")
            self.ui.imageNode.setCurrentNode(image)
            self.ui.poseNode.setCurrentNode(pose)
            self.ui.addImage.click()

    def xrays(self) -> None:
        from IXGSPanel.reading import Reading

        self.ui.clearImages.click()
        self.panel.parameters.source = "files"
        self.panel.parameters.casePath = str(self.inputs.case)
        self.panel.xrays.take(Reading.load(self.inputs.copy("reading")), self.inputs.case, [])

    def poses_to_refine(self) -> None:
        self.panel.parameters.refinePoses = True
        for row in range(20):
            self.panel.selection.tick(self.panel.selection.xrays[row].id, False)

    def standardization_and_region(self) -> None:
        self.panel.parameters.leftOut, self.panel.parameters.refinePoses = "[]", False
        self.panel.parameters.standardization = "classical"
        self.show_only("standardizationButton", "regionButton")
        self.ui.fitRegion.click()
        self.wait(lambda: False, 0.4)

    # 4

    def settings(self) -> None:
        self.panel.parameters.standardization, self.panel.parameters.region = "auto", None
        self.panel.parameters.settings = json.dumps({"steps": 3000})
        self.show_only("reconstructionButton")
        self.ui.advancedButton.collapsed = False

    def running(self) -> None:
        self.panel.parameters.settings = "{}"
        self.ui.advancedButton.collapsed = True
        self.ui.progress.visible = True
        event = {"stage": "optimization", "step": 420, "steps": 1000, "held_out_psnr": 31.2, "remaining": 75.0}
        self.panel.reconstruction._on_progress({"event": "progress", **event})

    def failed(self) -> None:
        self.ui.logButton.collapsed = False
        self.panel.reconstruction._give_up(
            "<b>The reconstruction failed.</b> the process ended unexpectedly with code 7"
        )

    # 5

    def nothing_to_review(self) -> None:
        self.ui.logButton.collapsed = True
        self.show_only("reviewButton")

    def review(self) -> None:
        self._load(self.inputs.folder / "run")
        self.panel.review.comparison.take(self.inputs.copy("renders"))

    def review_with_care(self) -> None:
        run = self.inputs.copy("run")
        record = json.loads((run / "run.json").read_text())
        record["refinement"] = REFINEMENT
        (run / "run.json").write_text(json.dumps(record))
        done = json.loads((run / "done.json").read_text())
        done["trust"]["reasons"] = REASONS
        (run / "done.json").write_text(json.dumps(done))
        self._load(run)
        self.ui.segmentBone.click()
        self.wait(lambda: not self.panel.review.surface.process.running, 300)
        self.ui.saveRating.click()

    def _load(self, run: Path) -> None:
        import slicer

        from IXGSLib.scene.runs import load_run

        self.panel.parameters.volume = load_run(slicer.mrmlScene, run)
        self.panel.review.present()
        self.show_only("reviewButton")

    # 6

    def nothing_registered(self) -> None:
        self.show_only("registrationButton")
        self.ui.registrationAdvancedButton.collapsed = False

    def registration(self) -> None:
        import slicer

        self.ui.registrationAdvancedButton.collapsed = True
        self.panel.registration.loading.load(self.inputs.folder / "spine-ct")
        self.wait(lambda: self.panel.parameters.registration is not None, 300)
        self.ui.segmentVertebrae.click()
        self.wait(lambda: self.ui.showVertebrae.enabled, 300)
        plan = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Left screw")
        self.ui.plan.setCurrentNode(plan)
        self.ui.movePlan.click()
        self.show_only("registrationButton")
