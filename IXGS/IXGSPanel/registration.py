"""Section 6: a CT registered to the X-rays, in a child process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .child_process import ChildProcess, Ending, Event
from .folders import new_run_folder
from .labels import escaped, message_of, text_of
from .plans import Plans
from .registration_inputs import RegistrationInputs
from .registration_loading import RegistrationLoading
from .registration_result import RegistrationResult
from .registration_settings import RegistrationForm
from .selection import Selection
from .signal import Signal
from .state import PanelState
from .stepper import Stepper
from .vertebra_segments import LabelSegments, VertebraSegments


class RegistrationSection:
    """*Register* and *Cancel*, and everything that happens between them.

    requirements: the Python packages that IXGS needs. xrays_needed: emitted when *Register* has to wait until the
    X-rays are read. finished: after a registration was loaded.
    """

    def __init__(self, ui: Any, state: PanelState, selection: Selection, requirements: Any) -> None:
        self.ui, self.state, self.selection, self.requirements = ui, state, selection, requirements
        self.xrays_needed, self.finished = Signal(), Signal()
        self.form = RegistrationForm(ui, state)
        self.inputs = RegistrationInputs(state, selection, self.form)
        self.loading = RegistrationLoading(ui, state)
        self.result = RegistrationResult(ui, state)
        self.plans = Plans(ui, self.result)
        self.segments, self.label_segments = VertebraSegments(ui, state, self.result), LabelSegments(ui, state)
        self.process = ChildProcess()
        self.out = Path()
        self._copying = Stepper()
        self._folder: Path | None = None
        self._start_when_read = self._result_due = False
        self._outcome, self._outcome_basis = "", None
        self._connect()

    def _connect(self) -> None:
        self.process.event_received.connect(self._on_event)
        self.process.ended.connect(self._on_ended)
        self.loading.loaded.connect(self._on_loaded)
        self.loading.failed.connect(self._on_not_loaded)
        self.ui.registerButton.connect("clicked()", self.register)
        self.ui.cancelRegistration.connect("clicked()", self.cancel)
        self.ui.registrationProgress.visible = False

    @property
    def running(self) -> bool:
        """Whether the CT is being copied or registered."""
        return self._copying.busy or self.process.running

    def update(self) -> None:
        self.form.update()
        self.loading.update()
        self.result.update()
        self.plans.update()
        self.segments.update()
        self.label_segments.update()
        self.check()

    def obstacle(self) -> str:
        """Why *Register* cannot run, or nothing."""
        if self.state.parameters is None:
            return _("There is no scene.")
        if self.running:
            return _("A registration is running.")
        if self.state.parameters.ct is not None and self.requirements.missing():
            return ""  # Register offers to install them, then reads the X-rays
        return self.inputs.obstacle()

    def check(self) -> None:
        """Enable *Register* if it can run; otherwise its tooltip says why not."""
        if self._outcome and not self.running and self._outcome_basis != self.inputs.choices():
            self._outcome = ""
        obstacle, ui = self.obstacle(), self.ui
        ui.registerButton.enabled = not obstacle
        ui.registerButton.toolTip = obstacle or _("Find each vertebra of the CT in the ticked views.")
        ui.cancelRegistration.enabled = self.running and not self.process.stopping
        if not self.running:
            ui.registrationProgress.visible = False
            ui.registrationStatus.text = self._outcome or escaped(obstacle) or _("Ready.")

    def _conclude(self, outcome: str) -> None:
        """Keep an outcome until the choices change that it is about."""
        self._discard()
        self._outcome, self._outcome_basis = outcome, self.inputs.choices()
        self.check()

    def register(self) -> None:
        """Offer to install missing packages, then register."""
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
        """Start the registration that has waited for the X-rays."""
        if self._start_when_read:
            self._start_when_read = False
            if not self.obstacle():
                self._start()

    def _start(self) -> None:
        self._discard()
        self.out = new_run_folder(self.selection.reading.name, "ct")
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-ct-", dir=slicer.app.temporaryPath))
        self.ui.registrationProgress.visible = True
        self._copying.start(self.inputs.copy_steps(self._folder, self.out), self._on_copied, self._on_refused)
        self._show_progress(0, 0, _("Copying the CT..."))
        self.check()

    def _on_copied(self, command: list[str]) -> None:
        self.process.start(command)
        self._show_progress(0, 0, _("Starting..."))

    def _on_refused(self, error: IXGSError) -> None:
        self._conclude(_("<b>The CT cannot be registered.</b> {error}").format(error=message_of(error)))

    def cancel(self) -> None:
        if self._copying.busy:
            self._copying.stop()
            self._conclude(_("Cancelled. Nothing was kept."))
            return
        self.process.cancel()
        self.ui.cancelRegistration.enabled = False
        self.ui.registrationStatus.text = _("Stopping...")

    def _on_event(self, event: Event) -> None:
        if event["event"] == "progress":
            self._show_progress(event["step"], event["steps"], stage_text(event["stage"]))
        elif event["event"] == "writing":
            self._show_progress(0, 0, _("Writing the models, the outlines and the report..."))

    def _show_progress(self, step: int, steps: int, text: str) -> None:
        """Show how far the registration is; with 0 steps the bar shows only that it is busy."""
        self.ui.registrationProgress.maximum = steps
        self.ui.registrationProgress.value = step
        if not self.process.stopping:
            self.ui.registrationStatus.text = text

    def _on_ended(self, ending: Ending) -> None:
        if ending.done:
            self._conclude(_("Loading the result..."))
            self._result_due = True
            self.loading.load(self.out)
        elif ending.cancelled:
            self._conclude(_("Cancelled. Nothing was kept."))
        else:
            self._conclude(_("<b>The CT cannot be registered.</b> {error}").format(error=text_of(ending.error)))

    def _on_loaded(self) -> None:
        if self._result_due:
            self._result_due = False
            folder = escaped(str(self.out))
            self._conclude(_("Done. The result is in the scene and in {folder}.").format(folder=folder))
        self.finished.emit()

    def _on_not_loaded(self) -> None:
        if self._result_due:
            self._result_due = False
            self._conclude(_("The result is in {folder}.").format(folder=escaped(str(self.out))))

    def on_node_removed(self, node: Any) -> None:
        """Stop copying a node that is removed."""
        if self._copying.busy and node in self.inputs.nodes():
            self.cancel()
        for part in (self.plans, self.segments, self.label_segments):
            part.on_node_removed(node)

    def _discard(self) -> None:
        """Delete the copy of the CT."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def close(self) -> None:
        """Stop at once when the scene is closed."""
        self._copying.stop()
        self.process.abandon()
        self._discard()
        self.loading.close()
        self.result.close()
        self.plans.close()
        self.segments.close()
        self.label_segments.close()
        self._outcome, self._start_when_read, self._result_due = "", False, False
        self.ui.registrationProgress.visible = False


def stage_text(stage: str) -> str:
    """What a registration is doing, by the name of its stage."""
    texts = {
        "reading": _("Reading the CT and the X-rays..."),
        "search": _("Looking for the CT along the spine..."),
        "alternatives": _("Trying one level higher and lower..."),
        "vertebrae": _("Registering each vertebra..."),
        "restarts": _("Registering each vertebra again from other starts..."),
    }
    return texts.get(stage, stage)
