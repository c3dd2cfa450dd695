"""Section 4: the reconstruction in a process of its own, its progress and its volume while it sharpens."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .advanced import AdvancedSettings
from .child import Child, Ending, Event
from .pictures import escaped
from .signal import Signal
from .stepper import Stepper
from .timing import timer

if TYPE_CHECKING:
    from .panel import Panel

PREVIEWS = 20
"""Previews in a run, about."""
RUN = "IXGS.Run"
"""Attribute of a volume node: the folder of its run."""
FEWEST_VIEWS = 2


class ReconstructionSection:
    """Apply and Cancel, and what happens in between; `finished` tells that a volume is in the scene."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.finished = Signal()
        self.advanced = AdvancedSettings(panel.ui, panel, lambda: len(panel.xrays.table.used()))
        self.child = Child()
        self.child.told.connect(self._on_event)
        self.child.said.connect(self._log)
        self.child.ended.connect(self._on_ended)
        self.loading = Stepper()
        self.node: Any = None
        self.out: Path | None = None
        self._jobs: list[list[str]] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._when_read = self._arriving = False
        self._reason = ""
        self._soon = timer(0, self.finished.emit)
        self.ui.applyButton.connect("clicked()", self.apply)
        self.ui.cancelButton.connect("clicked()", self.cancel)
        self.ui.outputFolder.filters = ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.Writable
        self.ui.progress.visible = False
        panel.xrays.changed.connect(self._on_xrays)

    @property
    def running(self) -> bool:
        """Whether the child is at work, or its volume on the way into the scene."""
        return self.child.running or (self.loading.busy and self._arriving)

    def update(self) -> None:
        if not self.panel.parameters.outputFolder:
            documents = qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation)
            self.panel.parameters.outputFolder = str(Path(documents) / "IXGS")
        self.advanced.update()
        self.check()

    # Before

    def obstacle(self) -> str:
        """What stands in the way of Apply, or nothing."""
        p, xrays = self.panel.parameters, self.panel.xrays
        if p is None:
            return _("There is no scene.")
        if self.running:
            return _("A reconstruction is running.")
        if p.source == "files" and not p.casePath:
            return _("Choose X-rays in section 1 first.")
        if self.panel.requirements.missing():
            return ""  # Apply asks for them, then reads the X-rays
        if xrays.busy:
            return _("The X-rays are being read.")
        if xrays.reading is None:
            return _("The X-rays of section 1 cannot be used yet.")
        if len(xrays.table.used()) < FEWEST_VIEWS:
            return _("Tick at least two views in section 1.")
        return self.advanced.problem()

    def check(self) -> None:
        """Enable Apply when it can run; its tooltip says why when it cannot."""
        obstacle = self.obstacle()
        self.ui.applyButton.enabled = not obstacle
        self.ui.applyButton.toolTip = obstacle or _("Reconstruct the volume from the ticked views.")
        self.ui.resume.visible = not self.running and self.unfinished() is not None
        self.ui.cancelButton.enabled = self.child.running and not self.child.stopping
        if not self.running:
            self.ui.status.text = self._reason or obstacle or _("Ready.")

    def asked(self) -> dict[str, Any]:
        """All that decides what Apply makes; raises IXGSError where the region is none."""
        p, xrays = self.panel.parameters, self.panel.xrays
        return {
            "xrays": [str(xrays.case), *xrays.image_arguments(), *xrays.leaving_out()],
            "standardization": self.panel.standardization.arguments(),
            "region": self.panel.region.arguments(),
            "preset": p.preset,
            "device": p.device,
            "settings": self._settings(),
        }

    def unfinished(self) -> Path | None:
        """The folder of the last run, where it ended early, can go on and is what Apply would make."""
        if self.panel.parameters is None or self.panel.xrays.reading is None:
            return None
        last = json.loads(self.panel.parameters.lastRun)
        try:
            same = last.get("asked") == self.asked()
        except IXGSError:
            return None
        folder = Path(last.get("folder", ""))
        begun = (folder / "run.json").is_file() and any((folder / "checkpoints").glob("*.json"))
        return folder if same and begun and not (folder / "done.json").exists() else None

    def arguments(self) -> list[list[str]]:
        """What children do one after the other: standardise the X-rays where that is wanted, reconstruct."""
        p, xrays = self.panel.parameters, self.panel.xrays
        case, views = xrays.case, [*xrays.image_arguments(), *xrays.leaving_out()]
        jobs = []
        if self.panel.standardization.method() != "none":
            made = self.out.with_name(f"{self.out.name}-xrays")
            method = self.panel.standardization.arguments()
            jobs.append(["standardize", str(case), "--out", str(made), *method, *views])
            case, views = made, []
        words = ["reconstruct", str(case), "--out", str(self.out), "--preset", p.preset, "--device", p.device]
        words += ["--standardize", "none"]  # that is done, or not wanted
        words += ["--settings", str(self._settings_file()), *self.panel.region.arguments()]
        jobs.append([*words, *views])
        return [["-m", "IXGSLib", *job, "--json", "--stop-on-eof"] for job in jobs]

    def _settings(self) -> dict[str, Any]:
        """What replaces settings of the preset, the rhythm of the previews included."""
        values = self.advanced.changed()
        if self.panel.parameters.livePreview and "schedule.preview_every" not in values:
            steps = self.advanced.resolved().settings.schedule.steps
            values["schedule.preview_every"] = max(1, steps // PREVIEWS)
        return values

    def _settings_file(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ixgs-run-", dir=slicer.app.temporaryPath)
        path = Path(self._folder.name) / "settings.json"
        path.write_text(json.dumps(self._settings()), encoding="utf-8")
        return path

    def apply(self) -> None:
        """Install what is missing after asking, then reconstruct."""
        self._reason = ""
        problem = self.panel.requirements.ensure() if self.panel.requirements.missing() else ""
        if problem:
            self._reason = escaped(problem)
            self.check()
        elif self.panel.xrays.reading is None:
            self._when_read = True
            self.panel.xrays.read()
        else:
            self._start()

    def _on_xrays(self) -> None:
        if self._when_read:
            self._when_read = False
            if not self.obstacle():
                self._start()

    def _start(self) -> None:
        p, begun = self.panel.parameters, self.unfinished() if self.ui.resume.checked else None
        name = re.sub(r'[<>:"/\\|?*]+', "-", f"{self.panel.xrays.reading.name}-{p.preset}")  # not all are file names
        self.out = begun or free(Path(p.outputFolder).expanduser() / name)
        try:
            self._jobs = self.arguments()
            asked = self.asked()
        except IXGSError as error:
            self._reason = escaped(str(error))
            self.check()
            return
        if begun is not None:
            self._jobs = [[*self._jobs[-1], "--resume"]]  # standardised X-rays are there, whole
        self.ui.resume.checked = True
        self.ui.log.clear()
        self.ui.progress.visible = True
        self._next()
        p.lastRun = json.dumps({"folder": str(self.out), "asked": asked})
        self.check()

    def _next(self) -> None:
        self.child.start(self._jobs.pop(0))
        self._show(0, 0, _("Starting ..."))

    # During

    def cancel(self) -> None:
        self.child.cancel()
        self.ui.cancelButton.enabled = False
        self.ui.status.text = _("Stopping ...")

    def _on_event(self, event: Event) -> None:
        kind = event["event"]
        if kind == "start":
            device = _("graphics card") if event["device"] == "cuda" else _("processor")
            self._log(_("{views} views, {steps} steps on the {device}").format(**{**event, "device": device}))
            self._show(0, 0, _("Finding a first volume ..."))
        elif kind == "progress":
            self._on_progress(event)
        elif kind == "writing":
            self._show(0, 0, _("Writing the volume and the report ..."))
        elif kind in ("warning", "remark"):
            self._log(event["message"])

    def _on_progress(self, event: Event) -> None:
        if event["stage"] == "standardization":
            self._show(event["step"], event["steps"], _("Standardised {step} of {steps} views").format(**event))
        elif event["stage"] == "initialization":
            self._show(0, 0, _("Finding a first volume ..."))
        else:
            self._show(event["step"], event["steps"], sentence(event))
        if "preview" in event and self.panel.parameters.livePreview:
            self._preview(self.out / event["preview"])

    def _preview(self, path: Path) -> None:
        from IXGSLib.scene.runs import preview_steps

        if not self.loading.busy:  # else it comes too soon after the last one
            self.loading.start(preview_steps(path), self._show_preview, lambda error: self._log(str(error)))

    def _show_preview(self, content: Any) -> None:
        from IXGSLib.scene.volumes import place_volume

        first = self.node is None
        self.node = place_volume(slicer.mrmlScene, *content, node=self.node)
        if first:
            self.node.SetName(_("IXGS preview"))
            slicer.util.setSliceViewerLayers(background=self.node, fit=True)

    def _show(self, step: int, steps: int, text: str) -> None:
        self.ui.progress.maximum = steps
        self.ui.progress.value = step
        if not self.child.stopping:
            self.ui.status.text = text

    def _log(self, line: str) -> None:
        self.ui.log.appendPlainText(line)

    # After

    def _on_ended(self, ending: Ending) -> None:
        if ending.done and self._jobs:
            self._next()
            return
        self.loading.stop()
        if ending.done:
            self._load()
        elif ending.cancelled:
            kept = "" if self.unfinished() is None else _(" Apply goes on from where it was.")
            self._give_up(_("Cancelled. Nothing was kept in the scene.") + kept)
        else:
            self._give_up(_("<b>The reconstruction failed.</b> {error}").format(error=escaped(ending.error)))

    def _give_up(self, reason: str) -> None:
        self._arriving = False
        self._drop_preview()
        self._reason = reason
        self.ui.progress.visible = False
        self.panel.check()

    def _load(self) -> None:
        """Bring the volume of the finished run into the scene."""
        from IXGSLib.scene.runs import run_steps

        self._arriving = True
        self._show(0, 0, _("Loading the volume ..."))
        self.loading.start(run_steps(self.out), self._finish, lambda error: self._give_up(escaped(str(error))))
        self.panel.check()

    def _finish(self, content: Any) -> None:
        from IXGSLib.scene.runs import place_run

        had = self.node is not None
        try:
            node = place_run(slicer.mrmlScene, self.out, content, node=self.node)
        except IXGSError as error:
            self._give_up(escaped(str(error)))
            return
        self.node, self._arriving = None, False
        self.ui.progress.visible = False
        node.SetAttribute(RUN, str(self.out))
        node.SetName(self.out.name)
        self._reason = _("Done. The volume is in the scene and in {folder}.").format(folder=escaped(str(self.out)))
        slicer.util.setSliceViewerLayers(background=node, fit=not had)
        self.panel.parameters.volume = node
        self.panel.check()
        self._soon.start()  # what follows has a turn of the event loop to itself

    def _drop_preview(self) -> None:
        if self.node is not None:
            node, self.node = self.node, None
            slicer.mrmlScene.RemoveNode(node)

    def on_removed(self, node: Any) -> None:
        """A node left the scene: the preview is let go, an input ends the run."""
        if node is self.node:
            self.node = None
        elif self.child.running and node in self.panel.inputs():
            self.cancel()

    def close(self) -> None:
        """Stop at once and keep nothing, as when the scene goes."""
        self.child.forget()
        self.loading.stop()
        self._soon.stop()
        self.node, self._reason, self._when_read, self._arriving = None, "", False, False
        self.ui.progress.visible = False


def free(path: Path) -> Path:
    """The path or, when something is there, the first of path-2, path-3, ... that is free."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def sentence(event: Event) -> str:
    """Where an optimisation stands."""
    parts = [_("Step {step} of {steps}").format(**event)]
    if event.get("held_out_psnr") is not None:
        parts.append(_("unused views {held_out_psnr:.1f} dB").format(**event))
    if event.get("remaining") is not None:
        left = int(event["remaining"])
        parts.append(_("{minutes}:{seconds:02d} left").format(minutes=left // 60, seconds=left % 60))
    return ", ".join(parts)
