"""What *Register* runs: the choices of section 6 as a command, and the copy of the CT for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError, SettingsError
from IXGSLib.registration.labels import level_of
from IXGSLib.steps import Steps

from .registration_settings import RegistrationForm
from .selection import Selection
from .state import PanelState
from .wording import panel_text

MIN_VIEWS = 2
"""The fewest views in which a CT can be registered."""


class RegistrationInputs:
    """The CT, its vertebrae, the X-rays of section 1 and the settings."""

    def __init__(self, state: PanelState, selection: Selection, form: RegistrationForm) -> None:
        self.state, self.selection, self.form = state, selection, form

    def nodes(self) -> list[Any]:
        """The nodes that are copied for a registration."""
        p = self.state.parameters
        nodes = () if p is None else (p.ct, p.ctVertebrae, p.registrationStart)
        return [node for node in nodes if node is not None]

    def obstacle(self) -> str:
        """Why these choices cannot be registered, or nothing."""
        p, selection = self.state.parameters, self.selection
        if p.ct is None:
            return _("Load the CT into Slicer and choose it.")
        if p.ctVertebrae is p.ct:
            return _("The CT and its vertebrae are the same volume: choose a segmentation, a label map or points.")
        if selection.busy:
            return _("The X-rays are being read.")
        if selection.reading is None:
            return _("The X-rays of section 1 cannot be used yet.")
        if len(selection.used) < MIN_VIEWS:
            return _("Tick at least two views in section 1.")
        try:
            self.levels()
        except SettingsError as error:
            return panel_text(str(error))
        return self.form.problem()

    def levels(self) -> list[str]:
        """The vertebrae to register, none for all; raises SettingsError for other names."""
        words = self.state.parameters.levels.replace(",", " ").split()
        wrong = [word for word in words if level_of(word) is None]
        if wrong:
            raise SettingsError(_("{name} is not a vertebra, expected names such as L3.").format(name=wrong[0]))
        return list(dict.fromkeys(filter(None, map(level_of, words))))

    def choices(self) -> Any:
        """Everything that decides the result."""
        p, selection = self.state.parameters, self.selection
        if p is None:
            return None
        ids = [None if node is None else node.GetID() for node in (p.ct, p.ctVertebrae, p.registrationStart)]
        views = [str(selection.case), *selection.options, *selection.leave_out_arguments()]
        return (*ids, views, p.levels, p.registrationSettings)

    def copy_steps(self, folder: Path, out: Path) -> Steps[list[str]]:
        """Copy the CT into a folder step by step; returns the arguments of Python for the child process.

        out: the folder of the registration. Raises IXGSError for nodes that cannot be used.
        """
        from IXGSLib.registration.transforms import tfm_bytes
        from IXGSLib.scene.anatomies import copy_anatomy_steps, start_of

        p, selection = self.state.parameters, self.selection
        if selection.case is None:
            raise IXGSError("no X-rays; choose them in section 1")
        words = [str(selection.case), "--out", str(out), *self.form.arguments()]
        words += [*selection.options, *selection.leave_out_arguments()]
        levels, start = self.levels(), p.registrationStart
        words += ["--vertebrae", *levels] if levels else []
        if start is not None:
            (folder / "start.tfm").write_bytes(tfm_bytes(start_of(start)))
            words += ["--start", str(folder / "start.tfm")]
        files = yield from copy_anatomy_steps(p.ct, p.ctVertebrae, folder)
        words += files.arguments()
        return ["-m", "IXGSLib", "register", str(files.ct), *words, "--json", "--stop-on-eof"]
