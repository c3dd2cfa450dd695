"""Stand-ins for the MRML widgets of Slicer, and a loader of .ui files that contain them."""

from __future__ import annotations

import re
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets
from PySide6.QtCore import Property, Signal

from . import ctk_widgets


class qMRMLWidget(QtWidgets.QWidget):
    """The root widget of a panel, which passes the scene on."""

    mrmlSceneChanged = Signal(object)
    SIGNATURES = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def setMRMLScene(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A combo box with nodes of the scene."""

    currentNodeChanged = Signal(object)
    SIGNATURES = ("currentNodeChanged(vtkMRMLNode*)",)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._flags: dict[str, Any] = {"nodeTypes": [], "noneEnabled": False, "showChildNodeTypes": True}
        self._attributes: dict[str, str] = {}
        self._scene: Any = None
        self._ids: list[str] = []
        self._tags: list[int] = []
        self._box = QtWidgets.QComboBox(self)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box)
        self._box.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._box.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._box.currentIndexChanged.connect(self._on_index)

    def setMRMLScene(self, scene: Any) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene is None:
            return
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent):
            self._tags.append(scene.AddObserver(event, lambda *_: self._fill()))
        self._fill()

    def addAttribute(self, kind: str, name: str) -> None:
        """Offer only the nodes of a class that have an attribute."""
        self._attributes[kind] = name
        if self._scene is not None:
            self._fill()

    def _nodes(self) -> list[Any]:
        scene, found = self._scene, []
        for kind in self._flags["nodeTypes"]:
            found += [scene.GetNthNodeByClass(n, kind) for n in range(scene.GetNumberOfNodesByClass(kind))]
        return [node for node in found if self._offered(node)]

    def _offered(self, node: Any) -> bool:
        wanted = self._attributes.get(node.GetClassName())
        exact = self._flags["showChildNodeTypes"] or node.GetClassName() in self._flags["nodeTypes"]
        return exact and not node.GetHideFromEditors() and (wanted is None or node.GetAttribute(wanted) is not None)

    def _fill(self) -> None:
        current, before = self.currentNode(), self._ids
        self._box.blockSignals(True)
        self._box.clear()
        self._ids = []
        if self._flags["noneEnabled"]:
            self._ids.append("")
            self._box.addItem(self._flags.get("noneDisplay") or "None")
        for node in self._nodes():
            self._ids.append(node.GetID())
            self._box.addItem(node.GetName())
        self._select(current)
        self._box.blockSignals(False)
        if self.currentNode() is not current or (current is None and before and not self._ids):
            self.currentNodeChanged.emit(self.currentNode())

    def _select(self, node: Any) -> None:
        wanted = "" if node is None else node.GetID()
        self._box.setCurrentIndex(self._ids.index(wanted) if wanted in self._ids else (0 if self._ids else -1))

    def _on_index(self, index: int) -> None:
        self.currentNodeChanged.emit(self.currentNode())

    def currentNode(self) -> Any:
        index = self._box.property("currentIndex")
        id = self._ids[index] if 0 <= index < len(self._ids) else ""
        return self._scene.GetNodeByID(id) if id and self._scene is not None else None

    def setCurrentNode(self, node: Any) -> None:
        if node is not None and self._box.itemText(max(0, self._index_of(node))) != node.GetName():
            self._fill()  # the node is new or has been renamed
        self._select(node)

    def _index_of(self, node: Any) -> int:
        return self._ids.index(node.GetID()) if node.GetID() in self._ids else -1


def _flag(name: str, kind: type) -> Any:
    def read(self: Any) -> Any:
        return self._flags.get(name, kind())

    def write(self: Any, value: Any) -> None:
        self._flags[name] = value

    return Property(kind, read, write)


class _NodeBox(qMRMLNodeComboBox):
    nodeTypes = _flag("nodeTypes", list)
    noneEnabled = _flag("noneEnabled", bool)
    noneDisplay = _flag("noneDisplay", str)
    showChildNodeTypes = _flag("showChildNodeTypes", bool)
    addEnabled = _flag("addEnabled", bool)
    removeEnabled = _flag("removeEnabled", bool)
    renameEnabled = _flag("renameEnabled", bool)


_NodeBox.__name__ = _NodeBox.__qualname__ = "qMRMLNodeComboBox"

WIDGETS = {"qMRMLWidget": qMRMLWidget, "qMRMLNodeComboBox": _NodeBox}
ABSENT = "qMRMLSliderWidget qMRMLSpinBox qMRMLRangeWidget"


class Loader(QtUiTools.QUiLoader):
    """Loads a .ui file with the widgets above, and connects them to the scene by name."""

    def createWidget(self, kind: str, parent: Any = None, name: str = "") -> QtWidgets.QWidget:
        known = {**WIDGETS, **ctk_widgets.WIDGETS}
        if kind not in known:
            if kind[0] != "Q":
                raise ValueError(f"{name}: {kind} is not a widget of this harness")
            return super().createWidget(kind, parent, name)
        widget = known[kind](parent)
        widget.setObjectName(name)
        return widget

    def load(self, device: QtCore.QFile, parent: Any = None) -> QtWidgets.QWidget:
        text = bytes(device.readAll()).decode()
        found = re.findall(
            r"<sender>(\w+)</sender>\s*<signal>([^<]+)</signal>\s*<receiver>(\w+)</receiver>\s*<slot>([^<(]+)", text
        )
        buffer = QtCore.QBuffer()
        buffer.setData(re.sub(r"<connections>.*</connections>", "", text, flags=re.DOTALL).encode())
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        root = super().load(buffer, parent)
        for sender, signal, receiver, slot in found:
            assert (sender, signal) == (root.property("objectName"), "mrmlSceneChanged(vtkMRMLScene*)")
            root.mrmlSceneChanged.connect(getattr(root.findChild(QtWidgets.QWidget, receiver), slot))
        for section in root.findChildren(ctk_widgets.ctkCollapsibleButton):
            section.settle()
        return root
