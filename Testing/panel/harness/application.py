"""The rest of Slicer that the panel uses: the application, its scene, its slice views and its module manager."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any, ClassVar

import slicer
import slicer.util
import vtk
from PySide6 import QtCore, QtWidgets

from IXGSLib.scene.session import new_scene

from . import ctk_widgets, mrml_widgets, pythonqt, slicer_python

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "IXGS" / "IXGS.py"
SLICES = ("Red", "Yellow", "Green")
ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}


class LayoutManager:
    """Three slice views; `resets` counts how often the cameras of the 3D views were reset."""

    def __init__(self, scene: Any) -> None:
        self.resets = 0
        self.threeDViewCount = 1
        self._view = scene.AddNewNodeByClass("vtkMRMLViewNode", "View1")
        self._view.SetLayoutName("1")
        self._view.SetSingletonTag("1")
        self.logics = vtk.vtkCollection()
        for name in SLICES:
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLScene(scene)
            node = logic.AddSliceNode(name)
            node.SetOrientation(ORIENTATIONS[name])
            self.logics.AddItem(logic)

    def mrmlSliceLogics(self) -> Any:
        return self.logics

    def resetThreeDViews(self) -> None:
        self.resets += 1

    def threeDWidget(self, number: int) -> Any:
        return types.SimpleNamespace(mrmlViewNode=lambda: self._view)

    def sliceViewNames(self) -> tuple[str, ...]:
        return SLICES


class Application:
    """slicer.app."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.temporaryPath = tempfile.mkdtemp(prefix="ixgs-harness-")
        self._logic = slicer.vtkMRMLApplicationLogic()
        self._logic.SetMRMLScene(scene)
        self._layout = LayoutManager(scene)
        self.texts: set[str] = set()
        self._settings = QtCore.QSettings(f"{self.temporaryPath}/Slicer.ini", QtCore.QSettings.Format.IniFormat)

    def userSettings(self) -> Any:
        return self._settings

    def applicationLogic(self) -> Any:
        return self._logic

    def layoutManager(self) -> LayoutManager:
        return self._layout

    def mrmlScene(self) -> Any:
        return self.scene

    def moduleManager(self) -> Application:
        return self

    def connect(self, signature: str, slot: Any) -> bool:
        return True

    def testingEnabled(self) -> bool:
        return True

    def processEvents(self) -> None:
        QtWidgets.QApplication.processEvents()

    def translate(self, context: str, text: str) -> str:
        self.texts.add(text)
        return text


class PluginHandler:
    """The selection in the Data module, which a test sets."""

    selected: ClassVar[list[int]] = []

    @classmethod
    def instance(cls) -> type[PluginHandler]:
        return cls

    @classmethod
    def currentItems(cls, items: Any) -> None:
        for item in cls.selected:
            items.InsertNextId(item)


def install() -> Application:
    """Make this process look like Slicer to the module."""
    instance = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    instance.setStyle("Fusion")
    QtCore.qInstallMessageHandler(_print_message)
    sys.modules["qt"] = pythonqt.install()
    sys.modules["ctk"] = ctk_widgets.install()
    sys.modules["qt"].QUiLoader = mrml_widgets.Loader
    for name, kind in mrml_widgets.WIDGETS.items():
        setattr(slicer, name, kind)
    for name in mrml_widgets.ABSENT.split():
        setattr(slicer, name, type(name, (), {}))
    slicer.mrmlScene = new_scene()
    slicer.app = Application(slicer.mrmlScene)
    slicer.modules = types.SimpleNamespace()
    slicer.qSlicerSubjectHierarchyPluginHandler = PluginHandler
    slicer.util.modulePath = lambda name: str(MODULE)
    slicer.util.settingsValue = lambda key, default, converter=None: default
    _slicer_python(os.environ.get("SLICER_PYTHON_DIR"))
    return slicer.app


def _print_message(kind: Any, context: Any, message: str) -> None:
    """Print the messages of Qt, except one that the offscreen platform prints for every window."""
    if "propagateSizeHints" not in message:
        print(message, file=sys.stderr)


def _slicer_python(folder: str | None) -> None:
    """Provide Slicer's Python modules: those in Base/Python of a checkout, or the small ones of this package."""
    own = {
        "i18n": slicer_python.i18n,
        "parameterNodeWrapper": slicer_python.parameter_node_wrapper,
        "ScriptedLoadableModule": slicer_python.scripted_loadable_module,
        "packaging": slicer_python.packaging,
    }
    for name, make in own.items():
        module = make() if folder is None or name == "packaging" else _from(Path(folder) / "slicer", name)
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)


def _from(folder: Path, name: str) -> types.ModuleType:
    package = folder / name / "__init__.py"
    path = package if package.is_file() else folder / f"{name}.py"
    places = [str(package.parent)] if package.is_file() else None
    spec = importlib.util.spec_from_file_location(f"slicer.{name}", path, submodule_search_locations=places)
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"slicer.{name}"] = module
    spec.loader.exec_module(module)
    return module


def wait(until: Any, seconds: float = 60.0) -> bool:
    """Run the event loop until a condition holds; returns whether it did in time."""
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            return False
        began = time.thread_time()
        QtWidgets.QApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)
        turns.append(time.thread_time() - began)
        time.sleep(0.005)
    return True


turns: list[float] = []
"""CPU seconds of the main thread in each turn of the event loop."""


def remove(application: Application) -> None:
    """Remove Slicer's modules and scene; PySide6 keeps the rules of PythonQt."""
    shutil.rmtree(application.temporaryPath, ignore_errors=True)
    for name in ("app", "mrmlScene", "modules", "i18n", "packaging", "ScriptedLoadableModule", "parameterNodeWrapper"):
        delattr(slicer, name)
        sys.modules.pop(f"slicer.{name}", None)
    for name in [each for each in sys.modules if each in ("qt", "ctk", "IXGS") or each.startswith("IXGSPanel")]:
        del sys.modules[name]
