"""Small replacements for Slicer's Python modules, which are not on PyPI; SLICER_PYTHON_DIR names the real ones.

They are `slicer.i18n`, `slicer.ScriptedLoadableModule`, `slicer.parameterNodeWrapper` and `slicer.packaging`.
"""

from __future__ import annotations

import json
import types
import typing
import unittest
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
import vtk


def i18n() -> types.ModuleType:
    module = types.ModuleType("slicer.i18n")
    module.tr = lambda text: slicer.app.translate("", text)
    module.translate = lambda context, text: slicer.app.translate(context, text)
    return module


def scripted_loadable_module() -> types.ModuleType:
    module = types.ModuleType("slicer.ScriptedLoadableModule")

    class ScriptedLoadableModule:
        def __init__(self, parent: Any) -> None:
            self.parent = parent
            self.moduleName = type(self).__name__

    class ScriptedLoadableModuleWidget:
        def __init__(self, parent: Any = None) -> None:
            self.moduleName = type(self).__name__.removesuffix("Widget")
            self.parent = parent
            self.layout = parent.layout()

        def resourcePath(self, name: str) -> str:
            return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / name)

        def setup(self) -> None: ...

    class ScriptedLoadableModuleLogic:
        def __init__(self, parent: Any = None) -> None:
            self.moduleName = type(self).__name__.removesuffix("Logic")

        def getParameterNode(self) -> Any:
            node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            if node is None:
                node = slicer.vtkMRMLScriptedModuleNode()
                node.SetSingletonTag(self.moduleName)
                node.SetName(self.moduleName)
                node = slicer.mrmlScene.AddNode(node)
            node.SetAttribute("ModuleName", self.moduleName)
            return node

    class ScriptedLoadableModuleTest(unittest.TestCase):
        def delayDisplay(self, message: str, *_: Any) -> None:
            slicer.app.processEvents()

    for kind in (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    ):
        setattr(module, kind.__name__, kind)
    return module


@dataclass
class WithinRange:
    minimum: float
    maximum: float


class GuiConnector:
    """Binds a widget to a parameter."""

    def __init__(self) -> None:
        self._callback: Any = None

    def onChanged(self, callback: Any) -> None:
        self._callback = callback
        self._disconnect() if callback is None else self._connect()

    def changed(self) -> None:
        if self._callback:
            self._callback()


class _PropertyConnector(GuiConnector):
    """Binds a widget whose value is a property with a signal."""

    KINDS: typing.ClassVar[dict[str, tuple[str, str]]] = {
        "QCheckBox": ("checked", "toggled(bool)"),
        "QLineEdit": ("text", "textChanged(QString)"),
        "QSpinBox": ("value", "valueChanged(int)"),
        "QDoubleSpinBox": ("value", "valueChanged(double)"),
        "ctkSliderWidget": ("value", "valueChanged(double)"),
    }

    def __init__(self, widget: Any, limits: WithinRange | None) -> None:
        super().__init__()
        kind = type(widget).__name__
        if kind not in self.KINDS:
            raise RuntimeError(f"no parameter can be bound to a {kind}")
        self._widget, (self._property, self._signal) = widget, self.KINDS[kind]
        if limits is not None:
            widget.minimum, widget.maximum = limits.minimum, limits.maximum
        elif kind in ("QDoubleSpinBox", "ctkSliderWidget"):
            raise RuntimeError(f"{widget.name}: a number needs its range")

    def _connect(self) -> None:
        self._widget.connect(self._signal, self._tell)

    def _disconnect(self) -> None:
        self._widget.disconnect(self._signal, self._tell)

    def _tell(self, *_: Any) -> None:
        self.changed()

    def read(self) -> Any:
        return getattr(self._widget, self._property)

    def write(self, value: Any) -> None:
        setattr(self._widget, self._property, value)


class _NodeConnector(GuiConnector):
    def __init__(self, widget: Any) -> None:
        super().__init__()
        self._widget = widget

    def _connect(self) -> None:
        self._widget.connect("currentNodeChanged(vtkMRMLNode*)", self._tell)

    def _disconnect(self) -> None:
        self._widget.disconnect("currentNodeChanged(vtkMRMLNode*)", self._tell)

    def _tell(self, *_: Any) -> None:
        self.changed()

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, node: Any) -> None:
        self._widget.setCurrentNode(node)


class _Wrapper:
    """Typed attributes that are stored in a parameter node as JSON or as node references.

    As in Slicer, a value is read when the wrapper is made and whenever the node is modified, and kept in between: a
    reference that only resolves later stays None.
    """

    def __init__(self, parameter_node: Any) -> None:
        fields = {"parameterNode": parameter_node, "_bound": {}, "_updating": False, "_values": {}, "_writing": None}
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        for name, default in self._defaults.items():
            if not parameter_node.HasParameter(name):
                self._write_value(name, default)
            self._values[name] = self._read_value(name)
        kept = weakref.ref(self)  # the node must not keep the wrapper alive
        tag = parameter_node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: kept() and kept()._read_values())
        weakref.finalize(self, parameter_node.RemoveObserver, tag)

    @classmethod
    def _kind(cls, name: str) -> tuple[type, WithinRange | None]:
        hint = cls._hints[name]
        if typing.get_origin(hint) is typing.Annotated:
            kind, *rest = typing.get_args(hint)
            return kind, next((each for each in rest if isinstance(each, WithinRange)), None)
        return hint, None

    def _read_values(self) -> None:
        for name in self._hints:
            if name != self._writing:
                self._values[name] = self._read_value(name)

    def _read_value(self, name: str) -> Any:
        if issubclass(self._kind(name)[0], slicer.vtkMRMLNode):
            return self.parameterNode.GetNodeReference(name)
        return json.loads(self.parameterNode.GetParameter(name))

    def _write_value(self, name: str, value: Any) -> None:
        if issubclass(self._kind(name)[0], slicer.vtkMRMLNode):
            self.parameterNode.SetParameter(name, "")
            self.parameterNode.SetNodeReferenceID(name, None if value is None else value.GetID())
        else:
            self.parameterNode.SetParameter(name, json.dumps(value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._hints:
            raise AttributeError(f"no parameter '{name}'")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._hints:
            raise AttributeError(f"no parameter '{name}'")
        kind, limits = self._kind(name)
        if not issubclass(kind, slicer.vtkMRMLNode) and not isinstance(value, (float, int) if kind is float else kind):
            raise TypeError(f"{name} is {value!r}, expected a {kind.__name__}")
        if limits is not None and not limits.minimum <= value <= limits.maximum:
            raise ValueError(f"{name} is {value}, expected {limits.minimum} to {limits.maximum}")
        object.__setattr__(self, "_writing", name)
        try:
            with slicer.util.NodeModify(self.parameterNode):
                self._write_value(name, value)
                self._values[name] = self._read_value(name)
        finally:
            object.__setattr__(self, "_writing", None)

    def connectGui(self, gui: Any) -> int:
        named = {widget.property("SlicerParameterName"): widget for widget in vars(gui).values()}
        return self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        bound = {}
        for name, widget in mapping.items():
            kind, limits = self._kind(name)
            if isinstance(widget, GuiConnector):
                bound[name] = widget
            elif issubclass(kind, slicer.vtkMRMLNode):
                bound[name] = _NodeConnector(widget)
            else:
                bound[name] = _PropertyConnector(widget, limits)
        for name, connector in bound.items():
            connector.write(getattr(self, name))
            connector.onChanged(lambda name=name, connector=connector: self._take(name, connector))
        tag = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._write(bound))
        self._bound[tag] = bound
        return tag

    def _take(self, name: str, connector: GuiConnector) -> None:
        if not self._updating:
            setattr(self, name, connector.read())

    def _write(self, bound: dict[str, GuiConnector]) -> None:
        if self._updating:
            return
        object.__setattr__(self, "_updating", True)
        try:
            for name, connector in bound.items():
                connector.write(getattr(self, name))
        finally:
            object.__setattr__(self, "_updating", False)

    def disconnectGui(self, tag: int) -> None:
        for connector in self._bound.pop(tag).values():
            connector.onChanged(None)
        self.parameterNode.RemoveObserver(tag)


def parameter_node_wrapper() -> types.ModuleType:
    module = types.ModuleType("slicer.parameterNodeWrapper")

    def parameterNodeWrapper(kind: type) -> type:
        hints = typing.get_type_hints(kind, include_extras=True)
        defaults = {name: getattr(kind, name, None) for name in hints}
        return type(kind.__name__, (_Wrapper,), {"_hints": hints, "_defaults": defaults, "__doc__": kind.__doc__})

    module.parameterNodeWrapper, module.WithinRange, module.GuiConnector = (
        parameterNodeWrapper,
        WithinRange,
        GuiConnector,
    )
    return module


def packaging() -> types.ModuleType:
    module = types.ModuleType("slicer.packaging")

    def pip_ensure(requirements: list[str], constraints: Any = None, requester: str | None = None) -> None:
        raise RuntimeError("User declined package installation")

    module.pip_ensure = pip_ensure
    return module
