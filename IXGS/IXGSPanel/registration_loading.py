"""A registration on disk, placed in the scene step by step and shown in section 6."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .contents import kind_of_folder
from .folders import output_folder
from .labels import Message, message_of
from .run_loading import other_folder_text
from .signal import Signal
from .state import PanelState
from .stepper import Stepper


class RegistrationLoading:
    """Loads registrations, those that have just been made and earlier ones, which *Load registration...* asks for.

    loaded: emitted after one is in the scene and shown. failed: after one could not be loaded. run_chosen: with the
    folder of a run that was chosen in place of a registration.
    """

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.loaded, self.failed, self.run_chosen = Signal(), Signal(), Signal()
        self.problem = Message(ui.registrationProblem, self._basis)
        self._steps = Stepper()
        ui.loadRegistration.connect("clicked()", self.choose)

    @property
    def busy(self) -> bool:
        return self._steps.busy

    def _basis(self) -> tuple[Any, ...]:
        """What the reason depends on why a registration cannot be loaded."""
        p = self.state.parameters
        return () if p is None else (p.registration,)

    def update(self) -> None:
        self.problem.refresh()

    def choose(self) -> None:
        """Ask for the folder of a registration and load it."""
        folder = qt.QFileDialog.getExistingDirectory(
            self.ui.loadRegistration.window(), _("Choose the folder of a registration"), str(output_folder())
        )
        if folder:
            self.load(Path(folder))

    def load(self, folder: Path) -> None:
        """Load a registration, step by step; a run is passed on."""
        from IXGSLib.scene.registrations import registration_steps

        self.problem.show("")
        kind = kind_of_folder(folder)
        if kind == "run":
            self.run_chosen.emit(folder)
            return
        if kind != "registration" and (hint := other_folder_text(folder, kind, "registration")):
            self.problem.show(hint)
            return
        self.ui.loadRegistration.enabled = False
        self._steps.start(registration_steps(folder), self._place, self._on_failed)

    def _place(self, content: Any) -> None:
        from IXGSLib.scene.registrations import place_registration

        self.show(place_registration(slicer.mrmlScene, content))

    def show(self, node: Any) -> Any:
        """Show the text node of a registration that is in the scene; returns it."""
        self.ui.loadRegistration.enabled = True
        self.state.parameters.registration = node
        slicer.util.resetThreeDViews()  # a patient may lie far from the origin, where the camera looks
        self.loaded.emit()
        return node

    def _on_failed(self, error: IXGSError) -> None:
        self.ui.loadRegistration.enabled = True
        self.problem.show(_("<b>This registration cannot be loaded.</b> {problem}").format(problem=message_of(error)))
        self.failed.emit()

    def close(self) -> None:
        self._steps.stop()
        self.ui.loadRegistration.enabled = True
        self.problem.show("")
