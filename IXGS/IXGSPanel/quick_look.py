"""The quick look of section 4: bone that the learned network expects, within seconds and before any run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .child_process import ChildProcess, Ending, Event
from .labels import escaped, text_of
from .run_plan import RunPlan
from .selection import Selection
from .signal import Signal
from .state import PanelState
from .stepper import Stepper
from .wording import panel_text

VOLUME_FILE = "volume.nrrd"


class QuickLook:
    """Estimates bone in a child process and shows it as one volume node, which the next quick look fills anew.

    progressed: emitted with a step, the number of steps (0: unknown) and a text. logged: with each message.
    concluded: with what the user should know, once there is nothing more to do.
    """

    def __init__(self, state: PanelState, selection: Selection, plan: RunPlan) -> None:
        self.state, self.selection, self.plan = state, selection, plan
        self.progressed, self.logged, self.concluded = Signal(), Signal(), Signal()
        self.process = ChildProcess()
        self.process.event_received.connect(self._on_event)
        self.process.line_received.connect(self.logged.emit)
        self.process.ended.connect(self._on_ended)
        self.node: Any = None
        self._loading = Stepper()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._done: Event = {}
        self._ready_for: Any = None

    @property
    def running(self) -> bool:
        """Whether the child process is at work or its result is being loaded."""
        return self.process.running or self._loading.busy

    def obstacle(self) -> str:
        """Why there can be no quick look of X-rays that can be reconstructed, or nothing."""
        if not self.state.parameters.learnedPrior:
            return _("A quick look shows learned bone: tick Start from learned bone in section 2.")
        if self.plan.preparation.standardization.method().method != "pix2pix":
            return _("A quick look needs X-rays that the network standardizes: choose Network (Pix2Pix) in section 2.")
        return ""

    def get_ready(self) -> None:
        """Let a child process load the networks before they are asked for, once for each reading of X-rays."""
        if self._ready_for is not self.selection.reading:
            self._ready_for = self.selection.reading
            self.process.get_ready()

    def look(self) -> None:
        """Start; raises IXGSError for a region that cannot be used."""
        self._discard()
        self._folder = tempfile.TemporaryDirectory(prefix="ixgs-quick-", dir=slicer.app.temporaryPath)
        self._done = {}
        self.process.start(self.plan.quick_command(Path(self._folder.name) / "estimate"))
        self.progressed.emit(0, 0, _("Starting..."))

    def _on_event(self, event: Event) -> None:
        kind = event["event"]
        if kind == "progress" and event["step"] == event["steps"]:
            self.progressed.emit(0, 0, _("Estimating bone from all views..."))
        elif kind == "progress":
            text = _("Standardized {step} of {steps} views").format(**event)
            self.progressed.emit(event["step"], event["steps"], text)
        elif kind == "done":
            self._done = event
        elif kind in ("warning", "note", "remark"):
            self.logged.emit(event["message"])

    def _on_ended(self, ending: Ending) -> None:
        from IXGSLib.scene.runs import preview_steps

        if ending.done:
            path = Path(self._folder.name) / "estimate" / VOLUME_FILE
            self._loading.start(preview_steps(path), self._place, self._on_failed)
        elif ending.cancelled:
            self._conclude(_("Cancelled. Nothing was kept in the scene."))
        else:
            self._conclude(_("<b>The quick look failed.</b> {error}").format(error=text_of(ending.error)))

    def _place(self, content: Any) -> None:
        from IXGSLib.scene.hierarchy import place_in_study
        from IXGSLib.scene.volumes import place_volume

        first = self.node is None
        self.node = place_volume(slicer.mrmlScene, *content, node=self.node)
        self.node.SetName(_("IXGS quick look"))
        place_in_study(slicer.mrmlScene, self._done["case"], self.node)
        slicer.util.setSliceViewerLayers(background=self.node, fit=first)
        self._conclude(self._summary())
        self.process.get_ready()  # for the next one, of other views

    def _summary(self) -> str:
        """What a finished quick look is."""
        text = _(
            "Quick look from {views} X-rays in {seconds:.0f} s: bone that the learned prior expects. Nothing was "
            "fitted to the X-rays yet; Apply does that."
        ).format(views=self._done["views"], seconds=sum(self._done["durations"].values()))
        return text + _(" Poses were not refined.") if self.plan.preparation.poses.arguments() else text

    def _on_failed(self, error: IXGSError) -> None:
        self._conclude(_("<b>The quick look failed.</b> {error}").format(error=escaped(panel_text(str(error)))))

    def _conclude(self, outcome: str) -> None:
        self._discard()
        self.concluded.emit(outcome)

    def _discard(self) -> None:
        """Remove the files of a quick look."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def on_node_removed(self, node: Any) -> None:
        if node is self.node:
            self.node = None

    def close(self) -> None:
        """Stop at once and leave the scene alone, because it is being closed."""
        self.process.close()
        self._ready_for = None
        self._loading.stop()
        self._discard()
        self.node = None
