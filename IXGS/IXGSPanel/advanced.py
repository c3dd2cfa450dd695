"""A form with every setting of a reconstruction, made from the dataclasses that library and command line use."""

from __future__ import annotations

import ast
import inspect
import json
import math
import textwrap
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from itertools import pairwise
from typing import Any, get_args, get_origin, get_type_hints

import qt
from slicer.i18n import tr as _

from IXGSLib.errors import SettingsError
from IXGSLib.reconstruction.resolution import TYPED, ResolvedSettings, checked_changes, resolve
from IXGSLib.reconstruction.settings import ReconstructionSettings

from .selection import Selection
from .state import PanelState
from .wording import panel_text, title, us_english


class AdvancedSettings:
    """The form. It shows the settings that will run; what the user types is kept in the parameters as JSON.

    selection: the X-rays, to whose number the preset is adapted.
    """

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        self.ui, self.state, self.selection = ui, state, selection
        self.labels: dict[str, Any] = {}
        self.editors: dict[str, Editor] = {}
        self._tips: dict[str, str] = {}
        self._writing = False
        for group in fields(ReconstructionSettings):
            self._add_group(group.default)
        ui.resetSettings.connect("clicked()", self.reset)

    def _add_group(self, group: Any) -> None:
        layout, texts, kinds = self.ui.settingsWidget.layout(), field_texts(type(group)), get_type_hints(type(group))
        heading = qt.QLabel(f"<b>{_(us_english(group.title))}</b>")
        heading.toolTip = f"<p>{_(us_english(type(group).__doc__))}</p>"
        layout.addRow(heading)
        for field in fields(group):
            name = f"{group.name}.{field.name}"
            editor = Editor.made(kinds[field.name], field.default, partial(self._on_changed, name))
            tip = _(texts[field.name]) if field.name in texts else f"{_(title(field.name))}."
            self._tips[name] = f"<p>{tip}</p><p><i>{name}</i></p>"
            editor.widget.objectName = f"setting_{name}"
            label = add_row(layout, field.name, self._tips[name], editor)
            self.labels[name], self.editors[name] = label, editor

    def changed(self) -> dict[str, Any]:
        """The settings that the user typed, by dotted name; raises SettingsError where a scene holds others."""
        return checked_changes(json.loads(self.state.parameters.settings))

    def resolved(self) -> ResolvedSettings:
        """The settings that will run; raises SettingsError where they do not fit together."""
        return resolve(self.state.parameters.preset, self._views(), self.changed())

    def _views(self) -> int | None:
        """The number of views that are used, None before there are X-rays."""
        return len(self.selection.used) or None

    def problem(self) -> str:
        """Why the settings cannot be used, or nothing."""
        try:
            self.resolved()
        except SettingsError as error:
            return panel_text(str(error))
        return ""

    def reset(self) -> None:
        self.state.parameters.settings = "{}"

    def update(self) -> None:
        """Show the settings that will run: bold where the user typed them, in italics where they fit the case."""
        problem = self.problem()
        shown = resolve(self.state.parameters.preset, self._views()) if problem else self.resolved()
        typed = {} if problem else self.changed()
        values = shown.settings.flat() | typed
        self._writing = True
        for name, editor in self.editors.items():
            editor.write(values[name])
            self._mark(name, shown.reasons.get(name, ""))
        self._writing = False
        self.ui.resetSettings.enabled = self.state.parameters.settings != "{}"
        fine = _("The settings that will run. Bold: set by you. Italics: adapted to the X-rays.")
        bad = _("These settings do not fit: {problem}").format(problem=problem)
        self.ui.advancedMessage.text = bad if problem else fine

    def _mark(self, name: str, reason: str) -> None:
        label = self.labels[name]
        font = label.font
        font.setBold(reason == TYPED)
        font.setItalic(bool(reason) and reason != TYPED)
        label.font = font
        label.toolTip = self._tips[name] + (f"<p>{us_english(reason[:1].upper() + reason[1:])}.</p>" if reason else "")

    def _on_changed(self, name: str, *_: Any) -> None:
        if not self._writing:
            typed = json.loads(self.state.parameters.settings)
            self.state.parameters.settings = json.dumps({**typed, name: self.editors[name].read()})


class Editor:
    """A widget with a way to read and to write its value."""

    def __init__(self, widget: Any, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self.widget, self.read, self.write = widget, read, write

    @classmethod
    def made(cls, kind: Any, value: Any, changed: Callable[..., None]) -> Editor:
        """The editor of a field of some type."""
        if get_origin(kind) is not None and str in {type(choice) for choice in get_args(kind)}:
            return cls._choice(get_args(kind), changed)
        if kind is float:
            return cls._decimal(value, changed)
        if kind is bool:
            return cls._flag(changed)
        return cls._whole(value, type(None) in get_args(kind), changed)

    @classmethod
    def _choice(cls, choices: tuple[str, ...], changed: Callable[..., None]) -> Editor:
        box = qt.QComboBox()
        for choice in choices:
            box.addItem(choice)
        box.connect("currentIndexChanged(int)", changed)
        return cls(box, lambda: choices[box.currentIndex], lambda value: box.setCurrentIndex(choices.index(value)))

    @classmethod
    def _flag(cls, changed: Callable[..., None]) -> Editor:
        box = qt.QCheckBox()
        box.connect("toggled(bool)", changed)
        return cls(box, lambda: box.checked, box.setChecked)

    @classmethod
    def _decimal(cls, value: float, changed: Callable[..., None]) -> Editor:
        box = qt.QDoubleSpinBox()
        box.decimals = max(3, 2 - math.floor(math.log10(value))) if value else 3
        box.setRange(0.0, 1e6)
        box.singleStep = step(value)
        box.connect("valueChanged(double)", changed)
        return cls(box, lambda: box.value, box.setValue)

    @classmethod
    def _whole(cls, value: int | None, optional: bool, changed: Callable[..., None]) -> Editor:
        box = qt.QSpinBox()
        box.setRange(-1 if optional else 0, 10_000_000)
        box.singleStep = max(1, int(step(value or 0)))
        if optional:
            box.specialValueText = _("Automatic")
        box.connect("valueChanged(int)", changed)
        return cls(
            box,
            lambda: None if optional and box.value == -1 else box.value,
            lambda value: box.setValue(-1 if value is None else value),
        )


def add_row(layout: Any, field: str, tip: str, editor: Editor) -> Any:
    """Add the editor of a field to a form, with its tooltip; returns its label."""
    label = qt.QLabel(f"{_(title(field))}:")
    for widget in (label, editor.widget):
        widget.toolTip = tip
    editor.widget.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
    label.setBuddy(editor.widget)
    layout.addRow(label, editor.widget)
    return label


def field_texts(kind: type) -> dict[str, str]:
    """The docstring below each field of a dataclass, by the field's name, from its source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
    found = {}
    for statement, following in pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[statement.target.id] = us_english(" ".join(following.value.value.split()))
    return found


def step(value: float) -> float:
    """A tenth of the value's power of ten: what one click in a spin box adds."""
    return 10 ** (math.floor(math.log10(value)) - 1) if value > 0 else 0.0
