"""A form with every setting of a reconstruction, made from the dataclass that the library and the command line use."""

from __future__ import annotations

import ast
import inspect
import json
import math
import textwrap
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import qt
from slicer.i18n import tr as _

from IXGSLib.errors import SettingsError
from IXGSLib.reconstruction.settings import ReconstructionSettings, settings_for

from .state import PanelState

SPELLINGS = {"tv": "TV", "ssim": "SSIM", "gaussians": "Gaussians"}


class AdvancedSettings:
    """The form; what is changed in it replaces values of the preset and is kept in the parameters as JSON."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.labels: dict[str, Any] = {}
        self.editors: dict[str, Editor] = {}
        self._writing = False
        texts, layout = docstrings(ReconstructionSettings), ui.settingsWidget.layout()
        kinds = get_type_hints(ReconstructionSettings)
        for field in fields(ReconstructionSettings):
            name = field.name
            if name in texts.headings:
                layout.addRow(qt.QLabel(f"<b>{texts.headings[name]}</b>"))
            editor = Editor.made(kinds[name], getattr(ReconstructionSettings(), name), self._on_changed)
            label = qt.QLabel(f"{title(name)}:")
            for widget in (label, editor.widget):
                widget.toolTip = f"<p>{texts.fields.get(name, title(name) + '.')}</p><p><i>{name}</i></p>"
            editor.widget.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
            editor.widget.objectName = f"setting_{name}"
            label.setBuddy(editor.widget)
            layout.addRow(label, editor.widget)
            self.labels[name], self.editors[name] = label, editor
        ui.resetSettings.connect("clicked()", self.reset)

    def changed(self) -> dict[str, Any]:
        """The settings that replace the preset's."""
        return json.loads(self.state.parameters.settings)

    def chosen(self) -> ReconstructionSettings:
        """The settings as they are now; raises SettingsError where they do not fit together."""
        values = settings_for(self.state.parameters.preset).as_dict()
        return ReconstructionSettings.from_dict(values | self.changed())

    def problem(self) -> str:
        """Why the settings cannot be used, or nothing."""
        try:
            self.chosen()
        except SettingsError as error:
            return str(error)
        return ""

    def reset(self) -> None:
        self.state.parameters.settings = "{}"

    def update(self) -> None:
        """Show the preset's values and those that replace them, which are bold."""
        preset, changed = settings_for(self.state.parameters.preset).as_dict(), self.changed()
        self._writing = True
        for name, editor in self.editors.items():
            editor.write(changed.get(name, preset[name]))
            font = self.labels[name].font
            font.setBold(name in changed)
            self.labels[name].font = font
        self._writing = False
        self.ui.resetSettings.enabled = bool(changed)
        problem = self.problem()
        fine = _("Every setting of the preset. Those that you change are bold.")
        bad = _("These settings do not fit: {problem}").format(problem=problem)
        self.ui.advancedMessage.text = bad if problem else fine

    def _on_changed(self, *_: Any) -> None:
        if self._writing:
            return
        preset = settings_for(self.state.parameters.preset).as_dict()
        values = {name: editor.read() for name, editor in self.editors.items()}
        different = {name: value for name, value in values.items() if not same(value, preset[name])}
        self.state.parameters.settings = json.dumps(different)


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
        return cls._whole(value, type(None) in get_args(kind), changed)

    @classmethod
    def _choice(cls, choices: tuple[str, ...], changed: Callable[..., None]) -> Editor:
        box = qt.QComboBox()
        for choice in choices:
            box.addItem(choice)
        box.connect("currentIndexChanged(int)", changed)
        return cls(box, lambda: choices[box.currentIndex], lambda value: box.setCurrentIndex(choices.index(value)))

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


class docstrings:
    """What the source of a dataclass says of its fields.

    fields: the docstring below each. headings: the comment before the first field of a group.
    """

    def __init__(self, kind: type) -> None:
        source = textwrap.dedent(inspect.getsource(kind))
        body = ast.parse(source).body[0].body
        lines = source.splitlines()
        self.fields: dict[str, str] = {}
        self.headings: dict[str, str] = {}
        for statement, following in zip(body, [*body[1:], None], strict=True):
            if not isinstance(statement, ast.AnnAssign):
                continue
            above = lines[statement.lineno - 2].strip()
            if above.startswith("#"):
                self.headings[statement.target.id] = above.lstrip("# ")
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                text = " ".join(following.value.value.split())
                self.fields[statement.target.id] = text[:1].upper() + text[1:]


def title(name: str) -> str:
    """The name of a field as a label."""
    words = [SPELLINGS.get(word, word) for word in name.split("_")]
    return words[0][:1].upper() + words[0][1:] + "".join(f" {word}" for word in words[1:])


def step(value: float) -> float:
    """A tenth of the value's power of ten: what one click in a spin box adds."""
    return 10 ** (math.floor(math.log10(value)) - 1) if value > 0 else 0.0


def same(value: Any, other: Any) -> bool:
    """Whether two values are equal to the digits that a spin box shows."""
    if isinstance(value, float) and other is not None:
        return abs(value - other) < 5e-6
    return value == other
