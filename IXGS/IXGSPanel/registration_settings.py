"""The form with every setting of a registration, made from the dataclass that library and command line use."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import partial
from typing import Any, get_type_hints

from slicer.i18n import tr as _

from IXGSLib.errors import SettingsError
from IXGSLib.registration.settings import RegistrationSettings

from .advanced import Editor, add_row, field_texts
from .state import PanelState
from .wording import panel_text

DEFAULTS = RegistrationSettings()
NAMES = tuple(field.name for field in fields(RegistrationSettings))


class RegistrationForm:
    """The form; what the user changes is kept in the parameters as JSON."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.labels: dict[str, Any] = {}
        self.editors: dict[str, Editor] = {}
        self._writing = False
        texts, kinds = field_texts(RegistrationSettings), get_type_hints(RegistrationSettings)
        for name in NAMES:
            editor = Editor.made(kinds[name], getattr(DEFAULTS, name), partial(self._on_changed, name))
            editor.widget.objectName = f"registration_{name}"
            tip = f"<p>{_(texts[name])}</p><p><i>{name}</i></p>"
            layout = ui.registrationSettingsWidget.layout()
            self.labels[name], self.editors[name] = add_row(layout, name, tip, editor), editor
        ui.resetRegistrationSettings.connect("clicked()", self.reset)

    def changed(self) -> dict[str, Any]:
        """The settings that the user changed; raises SettingsError for those that cannot be used."""
        typed = json.loads(self.state.parameters.registrationSettings)
        unknown = [name for name in typed if name not in NAMES]
        if unknown:
            raise SettingsError(f"unknown settings {', '.join(unknown)}; reset them")
        RegistrationSettings(**typed)
        return typed

    def arguments(self) -> list[str]:
        """The settings that the user changed as command-line arguments; raises what `changed` raises."""
        words: list[str] = []
        for name, value in self.changed().items():
            option = name.replace("_", "-")
            if isinstance(value, bool):  # the command line has one flag, for the value that is not the default
                words += [] if value is getattr(DEFAULTS, name) else [f"--{option}" if value else f"--no-{option}"]
            else:
                words += [f"--{option}", str(value)]
        return words

    def problem(self) -> str:
        """Why the settings cannot be used, or nothing."""
        try:
            self.changed()
        except SettingsError as error:
            return panel_text(str(error))
        return ""

    def reset(self) -> None:
        self.state.parameters.registrationSettings = "{}"

    def update(self) -> None:
        """Show the settings that will be used, in bold where the user changed them."""
        problem = self.problem()
        typed = {} if problem else self.changed()
        self._writing = True
        for name, editor in self.editors.items():
            editor.write(typed.get(name, getattr(DEFAULTS, name)))
            font = self.labels[name].font
            font.setBold(name in typed)
            self.labels[name].font = font
        self._writing = False
        self.ui.resetRegistrationSettings.enabled = self.state.parameters.registrationSettings != "{}"
        fine = _("How the CT is registered, and when a vertebra counts as verified. Bold: set by you.")
        bad = _("These settings do not fit: {problem}").format(problem=problem)
        self.ui.registrationAdvancedMessage.text = bad if problem else fine

    def _on_changed(self, name: str, *_args: Any) -> None:
        if self._writing:
            return
        typed, value = json.loads(self.state.parameters.registrationSettings), self.editors[name].read()
        typed.pop(name, None)
        if value != getattr(DEFAULTS, name):
            typed[name] = value
        self.state.parameters.registrationSettings = json.dumps(typed)
