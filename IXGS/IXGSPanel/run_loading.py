"""A finished run on disk, loaded into the scene and put under review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from .contents import folders_in, kind_of_folder
from .folders import output_folder
from .labels import Message, escaped, text_of
from .run_volume import RunVolume
from .signal import Signal
from .state import PanelState

MAX_NAMES = 6
"""Folders that are named as a choice."""


class RunLoading:
    """The button *Load run...*, which loads a run of the panel, the console or the command line.

    loaded: emitted after the volume became the one under review. registration_chosen: with the folder of a registration
    that was chosen in place of a run.
    """

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.loaded, self.registration_chosen = Signal(), Signal()
        self.problem = Message(ui.runMessage, self._basis)
        self.volume = RunVolume()
        self.volume.loaded.connect(self._on_loaded)
        self.volume.failed.connect(self._on_failed)
        ui.loadRun.connect("clicked()", self.choose)

    def _basis(self) -> tuple[Any, ...]:
        """What the reason depends on why a run cannot be loaded."""
        p = self.state.parameters
        return () if p is None else (p.volume,)

    def update(self) -> None:
        self.problem.refresh()
        self.ui.loadRun.enabled = not self.volume.loading_result

    def choose(self) -> None:
        """Ask for the folder of a run and load it."""
        folder = qt.QFileDialog.getExistingDirectory(
            self.ui.loadRun.window(), _("Choose the folder of a run"), str(output_folder())
        )
        if folder:
            self.load(Path(folder))

    def load(self, folder: Path) -> None:
        """Load a run, step by step; a registration is passed on."""
        kind = kind_of_folder(folder)
        if kind == "registration":
            self.problem.show("")
            self.registration_chosen.emit(folder)
            return
        if kind != "run" and (hint := other_folder_text(folder, kind, "run")):
            self.problem.show(hint)
            return
        self.problem.show(_("Loading the run..."))
        self.ui.loadRun.enabled = False
        self.volume.load_result(folder)

    def _on_loaded(self, node: Any) -> None:
        self.ui.loadRun.enabled = True
        self.problem.show("")
        self.state.parameters.volume = node
        self.loaded.emit()

    def _on_failed(self, problem: str) -> None:
        self.ui.loadRun.enabled = True
        self.problem.show(_("<b>This run cannot be loaded.</b> {problem}").format(problem=text_of(problem)))

    def close(self) -> None:
        self.volume.stop_loading()
        self.volume.close()
        self.problem.show("")


def other_folder_text(folder: Path, kind: str, wanted: str) -> str:
    """What to choose in place of a folder that holds another kind; nothing where that is not known.

    wanted: "run" or "registration".
    """
    if kind == "case":
        return _("This folder holds X-rays that were not reconstructed or registered yet: choose it in section 1.")
    inner = folders_in(folder, wanted)
    if not inner:
        return ""
    names = escaped(", ".join(inner[:MAX_NAMES])) + (", ..." if len(inner) > MAX_NAMES else "")
    return _("Choose one of the folders in this one: {names}.").format(names=names)
