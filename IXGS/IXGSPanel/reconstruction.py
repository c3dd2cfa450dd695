"""Section 4: the reconstruction in a child process, its progress and its outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ctk
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .advanced import AdvancedSettings
from .child_process import ChildProcess, Ending, Event
from .folders import output_folder, set_output_folder
from .labels import escaped, message_of, text_of
from .preparation import Preparation
from .quick_look import QuickLook
from .run_plan import RunPlan
from .run_volume import RunVolume
from .scene_images import listed_nodes
from .selection import Selection
from .signal import Signal
from .state import PanelState
from .timers import single_shot_timer

MIN_VIEWS = 2
"""The fewest views that can be reconstructed."""


class ReconstructionSection:
    """Apply, Quick look and Cancel, and everything that happens between them.

    requirements: the Python packages that IXGS needs.
    xrays_needed: emitted when Apply has to wait until the X-rays are read. started: when a run begins.
    finished: after a result was loaded.
    """

    def __init__(
        self,
        ui: Any,
        state: PanelState,
        selection: Selection,
        preparation: Preparation,
        requirements: Any,
    ) -> None:
        self.ui, self.state, self.selection, self.requirements = ui, state, selection, requirements
        self.xrays_needed, self.started, self.finished = Signal(), Signal(), Signal()
        self.advanced = AdvancedSettings(ui, state, selection)
        self.plan = RunPlan(state, selection, preparation, self.advanced)
        self.quick_look = QuickLook(state, selection, self.plan)
        self.volume = RunVolume()
        self.process = ChildProcess()
        self.out: Path | None = None
        self._commands: list[list[str]] = []
        self._start_when_read = False
        self._outcome, self._outcome_basis = "", None
        self._finish_soon = single_shot_timer(0, self.finished.emit)
        self._connect()

    def _connect(self) -> None:
        ui = self.ui
        self.process.event_received.connect(self._on_event)
        self.process.line_received.connect(self._log)
        self.process.ended.connect(self._on_ended)
        self.volume.loaded.connect(self._on_loaded)
        self.volume.failed.connect(lambda problem: self._give_up(text_of(problem)))
        self.volume.preview_failed.connect(self._log)
        self.quick_look.progressed.connect(self._show_progress)
        self.quick_look.logged.connect(self._log)
        self.quick_look.concluded.connect(self._on_quick_look)
        ui.applyButton.connect("clicked()", self.apply)
        ui.quickLookButton.connect("clicked()", self.look)
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.outputFolder.filters = ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.Writable
        ui.outputFolder.currentPath = str(output_folder())
        for signal in ("currentPathChanged(QString)", "validInputChanged(bool)"):
            ui.outputFolder.connect(signal, self._on_folder_changed)
        ui.progress.visible = False

    def _on_folder_changed(self, *_: Any) -> None:
        set_output_folder(self.ui.outputFolder.currentPath.strip())

    @property
    def running(self) -> bool:
        """Whether a child process is at work or its result is being loaded."""
        return self.process.running or self.volume.loading_result or self.quick_look.running

    def update(self) -> None:
        self.advanced.update()
        self.check()

    # Before a run

    def obstacle(self) -> str:
        """Why Apply cannot run, or nothing."""
        p, selection = self.state.parameters, self.selection
        if p is None:
            return _("There is no scene.")
        if self.quick_look.running:
            return _("A quick look is running.")
        if self.running:
            return _("A reconstruction is running.")
        if p.source == "files" and not p.casePath:
            return _("Choose X-rays in section 1 first.")
        if self.requirements.missing():
            return ""  # Apply offers to install them, then reads the X-rays
        if selection.busy:
            return _("The X-rays are being read.")
        if selection.reading is None:
            return _("The X-rays of section 1 cannot be used yet.")
        if len(selection.used) < MIN_VIEWS:
            return _("Tick at least two views in section 1.")
        return self.plan.preparation.problem() or self.advanced.problem()

    def _basis(self) -> Any:
        """What the outcome of a run depends on."""
        p = self.state.parameters
        if p is None or self.selection.reading is None:
            return None if p is None else (p.source, p.casePath)
        try:
            return self.plan.choices()
        except IXGSError as error:
            return str(error)

    def _conclude(self, outcome: str) -> None:
        """Keep an outcome until the choices change that it is about."""
        self._outcome, self._outcome_basis = outcome, self._basis()
        self.check()

    def check(self) -> None:
        """Enable Apply if it can run; otherwise its tooltip says why not."""
        if self._outcome and not self.running and self._outcome_basis != self._basis():
            self._outcome = ""
        obstacle = self.obstacle()
        self.ui.applyButton.enabled = not obstacle
        self.ui.applyButton.toolTip = obstacle or _("Reconstruct the volume from the ticked views.")
        unable = obstacle or self._quick_obstacle()
        self.ui.quickLookButton.enabled = not unable
        self.ui.quickLookButton.toolTip = unable or _(
            "Show within seconds the bone that the learned prior expects in the ticked views, before a reconstruction."
        )
        if not unable:
            self.quick_look.get_ready()
        self.ui.resume.visible = not self.running and self.plan.unfinished_run() is not None
        self.ui.cancelButton.enabled = self._process.running and not self._process.stopping
        if not self.running:
            self.ui.status.text = self._outcome or obstacle or _("Ready.")

    @property
    def _process(self) -> ChildProcess:
        """The child process that Cancel stops."""
        return self.quick_look.process if self.quick_look.running else self.process

    def _quick_obstacle(self) -> str:
        """Why there can be no quick look where Apply can run, or nothing."""
        if self.requirements.missing():
            return _("Apply installs the Python packages first.")
        return self.quick_look.obstacle()

    def look(self) -> None:
        """Show the bone that the learned prior expects."""
        self._outcome = ""
        self.ui.log.clear()
        try:
            self.quick_look.look()
        except IXGSError as error:
            self._conclude(message_of(error))
            return
        self.ui.progress.visible = True
        self.check()

    def _on_quick_look(self, outcome: str) -> None:
        self.ui.progress.visible = False
        self._conclude(outcome)

    def apply(self) -> None:
        """Offer to install missing packages, then reconstruct."""
        self._outcome = ""
        problem = self.requirements.ensure() if self.requirements.missing() else ""
        if problem:
            self._conclude(escaped(problem))
        elif self.selection.reading is None:
            self._start_when_read = True
            self.xrays_needed.emit()
        else:
            self._start()

    def on_xrays(self) -> None:
        """Start the run that has waited for the X-rays."""
        if self._start_when_read:
            self._start_when_read = False
            if not self.obstacle():
                self._start()

    def _start(self) -> None:
        resumed = self.plan.unfinished_run() if self.ui.resume.checked else None
        self.out = resumed or self.plan.new_folder()
        try:
            self._commands = self.plan.commands(self.out)
        except IXGSError as error:
            self._conclude(message_of(error))
            return
        if resumed is not None:
            self._commands = [[*self._commands[-1], "--resume"]]  # the standardised X-rays are complete
        self.ui.resume.checked = True
        self.ui.log.clear()
        self.ui.progress.visible = True
        self._start_next_command()
        self.plan.remember(self.out)
        self.check()
        self.started.emit()

    def _start_next_command(self) -> None:
        self.process.start(self._commands.pop(0))
        self._show_progress(0, 0, _("Starting..."))

    # During a run

    def cancel(self) -> None:
        self._process.cancel()
        self.ui.cancelButton.enabled = False
        self.ui.status.text = _("Stopping...")

    def _on_event(self, event: Event) -> None:
        kind = event["event"]
        if kind == "start":
            device = _("graphics card") if event["device"] == "cuda" else _("CPU")
            self._log(_("{views} views, {steps} steps on the {device}").format(**{**event, "device": device}))
            self._show_progress(0, 0, _("Computing an initial volume..."))
        elif kind == "progress":
            self._on_progress(event)
        elif kind == "writing":
            self._show_progress(0, 0, _("Writing the volume and the report..."))
        elif kind in ("warning", "note", "remark"):
            self._log(event["message"])

    def _on_progress(self, event: Event) -> None:
        if event["stage"] == "standardization":
            text = _("Standardized {step} of {steps} views").format(**event)
            self._show_progress(event["step"], event["steps"], text)
        elif event["stage"] == "poses":
            text = _("Refining the poses: {step} of {steps} starts").format(**event)
            self._show_progress(event["step"], event["steps"], text)
        elif event["stage"] == "initialization":
            self._show_progress(0, 0, _("Computing an initial volume..."))
        else:
            self._show_progress(event["step"], event["steps"], progress_text(event))
        if "preview" in event and self.state.parameters.livePreview:
            self.volume.show_preview(self.out / event["preview"])

    def _show_progress(self, step: int, steps: int, text: str) -> None:
        """Show how far the run is; with 0 steps the bar shows only that it is busy."""
        self.ui.progress.maximum = steps
        self.ui.progress.value = step
        if not self._process.stopping:
            self.ui.status.text = text

    def _log(self, line: str) -> None:
        self.ui.log.appendPlainText(line)

    # After a run

    def _on_ended(self, ending: Ending) -> None:
        if ending.done and self._commands:
            self._start_next_command()
            return
        self.volume.stop_loading()
        if ending.done:
            self.volume.load_result(self.out)
            self._show_progress(0, 0, _("Loading the volume..."))
            self.check()
        elif ending.cancelled:
            resumable = self.plan.unfinished_run() is not None
            hint = _(" Apply can resume the run.") if resumable else ""
            self._give_up(_("Cancelled. Nothing was kept in the scene.") + hint)
        else:
            self._give_up(_("<b>The reconstruction failed.</b> {error}").format(error=text_of(ending.error)))

    def _give_up(self, outcome: str) -> None:
        self.volume.remove_preview()
        self.ui.progress.visible = False
        self._conclude(outcome)

    def _on_loaded(self, node: Any) -> None:
        self.ui.progress.visible = False
        self.state.parameters.volume = node
        self._conclude(_("Done. The volume is in the scene and in {folder}.").format(folder=escaped(str(self.out))))
        self._finish_soon.start()  # the review gets a turn of the event loop of its own

    def on_node_removed(self, node: Any) -> None:
        """A preview that was removed is forgotten; a run whose input was removed is cancelled."""
        self.volume.on_node_removed(node)
        self.quick_look.on_node_removed(node)
        if self._process.running and node in self._input_nodes():
            self.cancel()

    def _input_nodes(self) -> list[Any]:
        """The nodes that a run depends on: the region, and X-rays in the scene."""
        p = self.state.parameters
        if p is None:
            return []
        pairs = listed_nodes(p) if p.source == "scene" else []
        nodes = [p.region, *(node for pair in pairs for node in pair)]
        return [node for node in nodes if node is not None]

    def close(self) -> None:
        """Stop at once and keep nothing when the scene is closed."""
        self.process.abandon()
        self.quick_look.close()
        self.volume.close()
        self._finish_soon.stop()
        self._outcome, self._start_when_read = "", False
        self.ui.progress.visible = False


def progress_text(event: Event) -> str:
    """The state of an optimisation: its step, its agreement with held-out views and the time left."""
    parts = [_("Step {step} of {steps}").format(**event)]
    if event.get("held_out_psnr") is not None:
        parts.append(_("held-out views {held_out_psnr:.1f} dB").format(**event))
    if event.get("remaining") is not None:
        left = int(event["remaining"])
        parts.append(_("{minutes}:{seconds:02d} left").format(minutes=left // 60, seconds=left % 60))
    return ", ".join(parts)
